/**
 * Real servers for tests. `redis()`, `postgres()`, `nats()` and `kafka()` find one: where the variable points (`REDIS_URL`,
 * `POSTGRES_URL`, `NATS_URL`, `KAFKA_BROKERS`), else on the usual local port, else started on a free loopback port: from the
 * PATH, or with jars that Maven brings. `startRedis`, `startPostgres`, `startNats` and `startKafka` start one of the test's
 * own, to be configured and killed.
 *
 * Without a server the suite skips and says so on stderr; with `BROWNOUT_REQUIRE_SERVICES=1` it fails.
 */
export { describeWith } from './services/describe.js';
export type { Service } from './services/find.js';
export type { Instance } from './services/instance.js';
export { type KafkaService, kafka, startKafka } from './services/kafka.js';
export { nats, startNats } from './services/nats.js';
export { postgres, startPostgres } from './services/postgres.js';
export { redis, startRedis } from './services/redis.js';
export { until } from './services/until.js';
