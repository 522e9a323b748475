//! What stands in `deploy/` and `docker-compose.yml`, held against the programs it runs. The package is its tests: they
//! need `docker-compose`, `kubectl` and `promtool`, which `scripts/deploy-tools.sh` brings, and no engine or cluster.
