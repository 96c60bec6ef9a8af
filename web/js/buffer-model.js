// Where playing stands in a live buffer, and what to do about it. Pure.
//
// The feed comes in fragments of about 150 ms. Playing aims at `target` seconds behind the newest: little enough to be live,
// enough for the jitter of this connection. Each stall widens it, calm narrows it again.

/** Seconds. */
export const LIMITS = { least: 0.5, most: 4, perStall: 0.5, slack: 0.4, jump: 6, keepBehind: 20, calmMilliseconds: 60000, edge: 0.05 };
/** How fast what is behind is caught up: too little to be heard. */
export const CATCH_UP_RATE = 1.05;

export const initialBuffer = { target: 0.8, isCatchingUp: false, calmSince: 0, isStarved: false };

/**
 * `seen`: `{ time, ranges: [[start, end], …], isPaused, isSeeking, now }`, `time` the player's, in seconds, `now` in milliseconds.
 * Answers the new state and what to do: `seekTo` (a time, or `null`), `rate`, `removeBefore` (a time, or `null`), `latency` (seconds
 * behind the newest, or `null` while there is nothing).
 */
export function decideBuffer(state, seen) {
  const still = { seekTo: null, rate: 1, removeBefore: null, latency: null };
  const { ranges, time } = seen;
  if (ranges.length === 0) return { state, ...still };
  const [newestStart, newest] = ranges[ranges.length - 1];
  const latency = Math.max(0, newest - time);
  const removeBefore = time - ranges[0][0] > LIMITS.keepBehind + 10 ? time - LIMITS.keepBehind : null;
  if (seen.isPaused || seen.isSeeking) return { state, ...still, latency, removeBefore };

  const current = ranges.find(([start, end]) => time >= start - LIMITS.edge && time < end - LIMITS.edge);
  if (!current) return { ...outside(state, seen, newestStart, newest), rate: 1, latency, removeBefore };

  let next = state.isStarved ? { ...state, isStarved: false } : state;
  if (seen.now - next.calmSince > LIMITS.calmMilliseconds && next.target > initialBuffer.target) {
    next = { ...next, target: Math.max(initialBuffer.target, next.target - LIMITS.perStall / 2), calmSince: seen.now };
  }
  if (latency > next.target + LIMITS.jump) {
    return { state: { ...next, isCatchingUp: false }, seekTo: live(newestStart, newest, next.target), rate: 1, latency, removeBefore };
  }
  // Begins late and ends early, so that the rate does not flutter.
  const isCatchingUp = latency > next.target + (next.isCatchingUp ? 0.1 : LIMITS.slack);
  return {
    state: isCatchingUp === next.isCatchingUp ? next : { ...next, isCatchingUp },
    seekTo: null, rate: isCatchingUp ? CATCH_UP_RATE : 1, latency, removeBefore,
  };
}

/** Nothing is buffered where playing stands: a hole to leap over, or the end of all there is. */
function outside(state, seen, newestStart, newest) {
  const ahead = seen.ranges.find(([start]) => start > seen.time);
  // A hole before the live edge is leapt over; Chromium waits in front of one for ever.
  if (ahead) return { state, seekTo: Math.max(ahead[0] + 0.01, ahead[0] === newestStart ? live(newestStart, newest, state.target) : 0) };
  if (seen.time > newest + 1) return { state, seekTo: live(newestStart, newest, state.target) };
  if (state.isStarved) return { state, seekTo: null };
  return {
    state: { ...state, isStarved: true, isCatchingUp: false, calmSince: seen.now, target: Math.min(LIMITS.most, state.target + LIMITS.perStall) },
    seekTo: null,
  };
}

/** Where to go to be live: never in front of what is buffered. */
function live(start, end, target) {
  return Math.max(start + 0.01, end - target);
}

/**
 * Whether playing may begin: enough is there. At the start, and after a stall, a picture that stops again at once is worse than
 * one that comes a moment later.
 */
export function mayBegin(ranges, target) {
  if (ranges.length === 0) return false;
  const [start, end] = ranges[ranges.length - 1];
  return end - start >= Math.min(target, LIMITS.least);
}

/** What the server says of the format: `{ mime, width, height }`, or `null` when this is no such message. */
export function readFormat(text) {
  try {
    const message = JSON.parse(text);
    if (message?.type !== 'format' || typeof message.mime !== 'string') return null;
    return { mime: message.mime, width: Number(message.width) || null, height: Number(message.height) || null };
  } catch {
    return null;
  }
}

/** The latency for people: `0.8 s`; dashes while unknown. */
export function latencyText(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return '–';
  return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

/** How far the picture is behind, for people: `text`, and what it means. `seconds`: `null` while unknown, as the browser's own player keeps it. */
export function behindText(seconds, feed) {
  if (seconds !== null) return { text: `${latencyText(seconds)} behind`, title: 'How far your picture is behind the newest that has reached this page' };
  return feed === 'hls' ? { text: 'some seconds behind', title: 'This browser’s own player does not say how many' } : { text: '', title: '' };
}

/** The picture's size for people: `1080p`; nothing while unknown. */
export function qualityText(width, height) {
  return width && height ? `${Math.min(width, height)}p` : '';
}
