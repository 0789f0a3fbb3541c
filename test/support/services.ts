/**
 * Real servers for tests. `redis()`, `postgres()`, `nats()`, `kafka()`, `rabbitmq()` and the others find one: where the variable points
 * (`REDIS_URL`, `POSTGRES_URL`, `NATS_URL`, `KAFKA_BROKERS`, `AMQP_URL` ...), else on the usual local port, else started on a free loopback
 * port: from the PATH, or with jars that Maven brings. `startRedis`, `startPostgres`, `startNats` and the like start one of
 * the test's own, to be configured and killed. `chromium()` finds the browser of that name (`CHROMIUM`);
 * `startPrometheus` and `startAlertmanager` are the only way to these two.
 *
 * Without a server the suite skips and says so on stderr; with `BROWNOUT_REQUIRE_SERVICES=1` it fails.
 */
export { startAlertmanager } from './services/alertmanager.js';
export { chromium } from './services/chromium.js';
export { describeWith } from './services/describe.js';
export type { Service } from './services/find.js';
export type { Instance } from './services/instance.js';
export { apacheKafka, type KafkaService, kafka, startKafka } from './services/kafka.js';
export { nats, startNats } from './services/nats.js';
export { postgres, startPostgres } from './services/postgres.js';
export { startPrometheus } from './services/prometheus.js';
export { rabbitmq, startRabbitmq } from './services/rabbitmq.js';
export { redis, startRedis } from './services/redis.js';
export { until } from './services/until.js';
