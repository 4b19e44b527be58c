/** Exit code 0 while the daemon in this container answers /healthz. The address is TOCSIN_HEALTH_URL, if not the usual one. */
const url = process.env.TOCSIN_HEALTH_URL ?? 'http://127.0.0.1:9911/healthz';
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
} catch (error) {
  process.stderr.write(`${url}: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
