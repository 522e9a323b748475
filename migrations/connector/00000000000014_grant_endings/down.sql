DROP TABLE grant_endings;
