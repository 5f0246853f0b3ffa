/* A stand-in for NVIDIA's management library: two devices that are listed and never compute.
 *
 * With it the real LocalCUDACluster starts its real workers on a machine without a GPU. It answers what
 * dask-cuda and distributed ask through pynvml, and nothing else. Signatures are those of NVML's public API. */

#include <stdio.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6 };
enum { DEVICES = 2 };

typedef struct { unsigned index; } device_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_v2_t;
typedef struct { unsigned gpu, memory; } utilization_t;

static device_t devices[DEVICES] = {{0}, {1}};

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(int code) { return code == NOT_SUPPORTED ? "Not Supported" : "Error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    snprintf(text, length, "0.0-stand-in");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) { *count = DEVICES; return SUCCESS; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t **device) {
    if (index >= DEVICES) return INVALID_ARGUMENT;
    *device = &devices[index];
    return SUCCESS;
}

static void uuid_of(unsigned index, char *text, unsigned length) {
    snprintf(text, length, "GPU-00000000-0000-0000-0000-00000000000%u", index);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, device_t **device) {
    for (unsigned i = 0; i < DEVICES; i++) {
        char own[80];
        uuid_of(i, own, sizeof own);
        if (strcmp(own, uuid) == 0) { *device = &devices[i]; return SUCCESS; }
    }
    return NOT_FOUND;
}

int nvmlDeviceGetIndex(device_t *device, unsigned *index) { *index = device->index; return SUCCESS; }

int nvmlDeviceGetUUID(device_t *device, char *text, unsigned length) {
    uuid_of(device->index, text, length);
    return SUCCESS;
}

int nvmlDeviceGetName(device_t *device, char *text, unsigned length) {
    snprintf(text, length, "Stand-in %u", device->index);
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(device_t *device, memory_t *memory) {
    (void)device;
    *memory = (memory_t){8ULL << 30, 7ULL << 30, 1ULL << 30};
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(device_t *device, memory_v2_t *memory) {
    (void)device;
    memory->total = 8ULL << 30;
    memory->reserved = 0;
    memory->free = 7ULL << 30;
    memory->used = 1ULL << 30;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(device_t *device, utilization_t *rates) {
    (void)device;
    *rates = (utilization_t){0, 12};
    return SUCCESS;
}

int nvmlDeviceGetMigMode(device_t *device, unsigned *now, unsigned *pending) {
    (void)device; (void)now; (void)pending;
    return NOT_SUPPORTED;
}

int nvmlDeviceGetCpuAffinity(device_t *device, unsigned words, unsigned long *set) {
    (void)device;
    for (unsigned i = 0; i < words; i++) set[i] = ~0UL;
    return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(device_t *device, unsigned *count, void *processes) {
    (void)device; (void)processes;
    *count = 0;
    return SUCCESS;
}
