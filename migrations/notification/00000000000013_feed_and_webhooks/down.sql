DROP TABLE deliveries;
DROP TABLE webhook_endpoints;
DROP TABLE feed_tickets;
DROP TABLE feed;
