"""Other tools' formats: ids are exported, corrected masks imported."""
