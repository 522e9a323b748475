DROP TABLE email_references;
DROP TABLE blobs;
DROP TABLE attachments;
DROP TABLE email_labels;
DROP TABLE email_sources;
DROP TABLE emails;
