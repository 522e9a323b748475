DROP TABLE redeemed_codes;
