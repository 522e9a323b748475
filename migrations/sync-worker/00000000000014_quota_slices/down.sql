DROP TABLE quota_slices;
