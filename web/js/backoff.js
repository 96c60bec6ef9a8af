// When to try again. Pure.

const FIRST = 1000;
const LONGEST = 20000;

/**
 * Milliseconds to wait before attempt `attempt` (1 is the first repeat): doubling, capped, with jitter so that a crowd does
 * not come back at once. `random` is in 0…1.
 */
export function nextDelay(attempt, random) {
  const base = Math.min(LONGEST, FIRST * 2 ** Math.min(Math.max(attempt, 1) - 1, 10));
  return Math.round(base * (0.5 + random / 2));
}
