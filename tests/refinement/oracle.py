"""The definition of the refinement with sets of pixels: plain, slow and without any trick."""

from __future__ import annotations

import numpy as np

Pixels = frozenset[int]
MIN_IOU, PURE, MIN_GAIN, BLANK, SHARE, AGREES = 0.05, 0.85, 0.02, 0.25, 1.5, 0.5
CONSENSUS, SUSPICION, MOST_ASKED, SMALL = 5 / 6, 3.0, 0.9, 1 / 16


def refine_slowly(
    coarse: np.ndarray, masks: np.ndarray, min_agreement: float
) -> tuple[np.ndarray, dict[int, int]]:
    """Return the refined ids, and the number of masks that each id used."""
    flat = coarse.ravel()
    names = list(dict.fromkeys(int(i) for i in flat if i))
    objects = {i: frozenset(np.flatnonzero(flat == i).tolist()) for i in names}
    blank = frozenset(np.flatnonzero(flat == 0).tolist())
    distinct = in_order(
        flat, {frozenset(np.flatnonzero(m).tolist()) for m in masks} - {frozenset()}
    )

    belongs = {}
    for m in distinct:
        best = max(names, key=lambda i: iou(m, objects[i]), default=None)
        if best is not None and iou(m, objects[best]) >= MIN_IOU:
            belongs[m] = best
    claims = {}
    for i in names:
        union = best_union([m for m in distinct if belongs.get(m) == i], objects[i])
        if union:
            claims[i] = union

    patches: dict[Pixels, set[int]] = {}
    for p in range(flat.size):
        patches.setdefault(frozenset(n for n, m in enumerate(distinct) if p in m), set()).add(p)
    patch_of = {p: frozenset(patch) for patch in patches.values() for p in patch}

    held = {i: frozenset().union(*claims[i]) for i in claims}
    agreed = sum(agreement(i, held, objects, blank, patch_of) for i in held)
    consensus = (agreed + 0.7) / (len(names) + 1)
    asked = min_agreement * (1 + SUSPICION * max(0, CONSENSUS - consensus))
    asked = max(min_agreement, min(asked, MOST_ASKED))
    while True:
        held = {i: frozenset().union(*claims[i]) for i in claims}
        doubtful = [i for i in held if agreement(i, held, objects, blank, patch_of) < asked]
        if not doubtful:
            break
        for i in doubtful:
            del claims[i]

    kept, restored = compose(flat, names, held, objects, blank, patch_of)
    won = {i for i in held if i not in restored and any(kept[p] == i for p in held[i])}
    used = {i: len(claims[i]) if i in won else 0 for i in names}
    nameless = [m for m in distinct if 2 * len(m & blank) >= len(m)]
    refined = without_holes(kept.reshape(coarse.shape), frozenset().union(*nameless))
    return refined.astype(np.uint16), used


def without_holes(ids: np.ndarray, explained: Pixels) -> np.ndarray:
    """Fill small areas of 0 within one object that contain no pixel of `explained`."""
    value = ids.ravel().tolist()
    for p in explained:
        value[p] = value[p] or -1
    filled = list(value)
    seen: set[int] = set()
    for p, v in enumerate(value):
        if v or p in seen:
            continue
        hole, around, todo = {p}, set(), [p]
        while todo:
            for q in beside(todo.pop(), ids.shape):
                if value[q]:
                    around.add(value[q])
                elif q not in hole:
                    hole.add(q)
                    todo.append(q)
        seen |= hole
        if len(around) == 1 and around != {-1}:
            [i] = around
            if len(hole) <= SMALL * value.count(i):
                for q in hole:
                    filled[q] = i
    return np.maximum(filled, 0).reshape(ids.shape)


def beside(p: int, shape: tuple[int, int]) -> list[int]:
    y, x = divmod(p, shape[1])
    places = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    return [v * shape[1] + u for v, u in places if 0 <= v < shape[0] and 0 <= u < shape[1]]


def compose(
    flat: np.ndarray,
    names: list[int],
    held: dict[int, Pixels],
    objects: dict[int, Pixels],
    blank: Pixels,
    patch_of: dict[int, Pixels],
) -> tuple[np.ndarray, set[int]]:
    """Give each pixel to the strongest claim; restore the coarse pixels of objects without any."""
    refined = np.zeros_like(flat)
    for p in range(flat.size):
        strength = {i: iou(held[i], objects[i]) for i in names if i in held and p in held[i]}
        if flat[p] and int(flat[p]) not in held:
            strength[int(flat[p])] = 1.0
        for i in strength:
            strength[i] += SHARE * (len(patch_of[p] & objects[i]) / len(patch_of[p]))
            strength[i] += AGREES * (flat[p] == i)
        if strength:
            refined[p] = max((i for i in names if i in strength), key=lambda i: strength[i])
        elif 2 * len(patch_of[p] & blank) < len(patch_of[p]):
            refined[p] = flat[p]

    restored: set[int] = set()
    while True:
        kept = np.array([i if i in restored else r for i, r in zip(flat, refined, strict=True)])
        lost = set(names) - set(kept.tolist())
        if not lost:
            return kept, restored
        restored |= lost


def in_order(flat: np.ndarray, masks: set[Pixels]) -> list[Pixels]:
    """Sort masks by the regions that they hold; regions by first appearance."""
    signature = [(int(i), frozenset(m for m in masks if p in m)) for p, i in enumerate(flat)]
    number = {s: n for n, s in enumerate(dict.fromkeys(signature))}
    return sorted(masks, key=lambda m: sorted({number[signature[p]] for p in m}))


def iou(a: Pixels, b: Pixels) -> float:
    return len(a & b) / len(a | b)


def best_union(masks: list[Pixels], own: Pixels) -> list[Pixels]:
    """Return the better union of two: grown from the most alike and from the largest pure mask."""
    if not masks:
        return []
    pure = [m for m in masks if len(m & own) / len(m) >= PURE]
    starts = [max(masks, key=lambda m: iou(m, own))]
    starts += [max(pure, key=lambda m: len(m & own))] if pure else []
    unions = [grow([start], masks, own) for start in starts]
    return max(unions, key=lambda union: iou(frozenset().union(*union), own))


def grow(union: list[Pixels], masks: list[Pixels], own: Pixels) -> list[Pixels]:
    held = frozenset().union(*union)
    best = max(masks, key=lambda m: iou(held | m, own))
    if iou(held | best, own) < iou(held, own) + MIN_GAIN:
        return union
    return grow([*union, best], masks, own)


def agreement(
    i: int,
    held: dict[int, Pixels],
    objects: dict[int, Pixels],
    blank: Pixels,
    patch_of: dict[int, Pixels],
) -> float:
    against = BLANK * len(held[i] & blank)
    for other, pixels in objects.items():
        if other != i:
            taken = held[i] & pixels
            against += len(taken & held[other] if other in held else taken)
    for p in objects[i]:
        if not any(p in claim for claim in held.values()):
            mostly_blank = 2 * len(patch_of[p] & blank) >= len(patch_of[p])
            against += BLANK if mostly_blank else 1.0
    shared = len(held[i] & objects[i])
    return shared / (shared + against)
