DROP INDEX deliveries_night;
DROP INDEX push_subscriptions_endpoint;
