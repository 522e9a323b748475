-- A browser has one user at a time; what meets the night on its way goes out with the rest of it in the morning.

-- Whose is this browser now?
CREATE INDEX push_subscriptions_endpoint ON push_subscriptions (tenant, endpoint);
-- A user's messages that wait for the end of the quiet hours, because those had begun before they were taken.
CREATE INDEX deliveries_night ON deliveries (tenant, user_id) WHERE state = 'pending' AND error = 'quiet_hours';
