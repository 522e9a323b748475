ALTER TABLE mailboxes DROP COLUMN news_since, DROP COLUMN first_listed_at;
