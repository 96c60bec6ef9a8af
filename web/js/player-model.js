// What the player does next. Pure: an event goes in, the new state and one action come out.
//
// Phases: loading, playing, buffering, paused, notYet (the channel has nothing to show), failed (will try again), offline,
// outside (the channel is not offered where the viewer is), unsupported (this browser plays none of our feeds), undecodable (it knows not the codec of the DJ who is on air now). Actions: none, load (set the source and play), probe (ask how the playlist
// answers).

import { nextDelay } from './backoff.js';

/** A browser that cannot decode who is on air looks this often whether that has changed. */
const LOOK_AGAIN_MILLISECONDS = 10000;

export const initial = { phase: 'loading', attempt: 0 };

/** `random` in 0…1 spreads retries. */
export function decide(state, event, random = 0.5) {
  if (state.phase === 'unsupported') return keep(state);
  // Nothing that is tried there comes to anything.
  if (state.phase === 'outside' && event.kind !== 'placed' && event.kind !== 'playing') return keep(state);
  switch (event.kind) {
    case 'started':
      return event.canPlay ? go({ phase: 'loading', attempt: 0 }, 'load') : keep({ phase: 'unsupported', attempt: 0 });
    case 'playing':
      return keep({ phase: 'playing', attempt: 0 });
    case 'undecodable':
      return { state: { phase: 'undecodable', attempt: 0 }, action: 'load', delay: LOOK_AGAIN_MILLISECONDS };
    case 'starved':
      return keep(state.phase === 'playing' ? { ...state, phase: 'buffering' } : state);
    case 'paused':
      return keep(state.phase === 'playing' || state.phase === 'buffering' ? { ...state, phase: 'paused' } : state);
    case 'blocked':
      // The browser wants a click first: the picture stands, and the button says Play.
      return keep({ ...state, phase: 'paused' });
    case 'resumed':
      // What was held while paused is old or gone: go back to the live edge.
      return state.phase === 'paused' && event.pausedSeconds > 10
        ? go({ ...state, phase: 'loading' }, 'load') : keep({ ...state, phase: state.phase === 'paused' ? 'loading' : state.phase });
    case 'failed':
    case 'stuck':
      return state.phase === 'paused' ? keep(state) : go({ ...state, phase: 'failed' }, 'probe');
    case 'probed':
      return probed(state, event.answer, random);
    case 'placed':
      return placed(state, event.isOutside);
    case 'offline':
      return keep({ ...state, phase: 'offline' });
    case 'online':
      return state.phase === 'offline' ? go({ phase: 'loading', attempt: 0 }, 'load') : keep(state);
    default:
      return keep(state);
  }
}

function probed(state, answer, random) {
  if (answer === 'unreachable') return retry({ ...state, phase: 'offline' }, random);
  if (answer === 'notYet') return retry({ ...state, phase: 'notYet' }, random);
  return retry({ ...state, phase: 'failed' }, random);
}

/** What plays was let in, and goes on. */
function placed(state, isOutside) {
  if (!isOutside) return state.phase === 'outside' ? go({ phase: 'loading', attempt: 0 }, 'load') : keep(state);
  return ['playing', 'buffering', 'paused'].includes(state.phase) ? keep(state) : keep({ phase: 'outside', attempt: 0 });
}

function retry(state, random) {
  const attempt = state.attempt + 1;
  return { state: { ...state, attempt }, action: 'load', delay: nextDelay(attempt, random) };
}

function go(state, action) {
  return { state, action, delay: 0 };
}

function keep(state) {
  return { state, action: 'none', delay: 0 };
}

/** What is written over the picture in each phase; `null` shows the picture alone. */
export function message(phase) {
  switch (phase) {
    case 'playing':
    case 'paused':
      return null;
    case 'loading':
      return 'Loading the broadcast…';
    case 'buffering':
      return 'Waiting for the picture…';
    case 'notYet':
      return 'The broadcast is starting. This takes a few seconds.';
    case 'failed':
      return 'The broadcast could not be played. Trying again…';
    case 'offline':
      return 'No connection to the server. Trying again…';
    case 'outside':
      return 'This channel is not offered in your region.';
    case 'unsupported':
      return 'This browser cannot play the broadcast. It plays in current Chrome, Edge and Safari, and in VLC and mpv with this address:';
    case 'undecodable':
      return 'The DJ on air sends HEVC (H.265), which this browser cannot show. The picture comes back by itself with the next DJ who sends H.264. VLC shows it now, with this address:';
    default:
      return null;
  }
}

/** Connections of the low-latency feed in a row that brought nothing, after which the browser's own player takes over. */
const FRUITLESS_LIMIT = 3;

/**
 * Which feed to play: `mse` (the WebSocket one, lowest latency), `hls` (the browser's own player), or `null` when it plays
 * neither. `can`: `{ mse, hls }`; `fruitless`: connections in a row that brought nothing, where a proxy lets no WebSocket through.
 */
export function chooseEngine(can, fruitless) {
  if (can.mse && (fruitless < FRUITLESS_LIMIT || !can.hls)) return 'mse';
  return can.hls ? 'hls' : null;
}

/** What is left of `can` where the channel offers these outputs only; with none of them on all is tried, until one is back. */
export function offeredEngines(can, outputs) {
  const offered = { mse: can.mse && outputs.includes('ws'), hls: can.hls && outputs.includes('hls') };
  return offered.mse || offered.hls ? offered : can;
}

/** The address for other players: the best of those that are on; `null` when none of them is. */
export function outsidePath(channel, outputs) {
  const paths = { hls: `/hls/${channel}/index.m3u8`, stream: `/stream/${channel}`, dash: `/dash/${channel}/manifest.mpd`, audio: `/audio/${channel}` };
  return paths[Object.keys(paths).find((name) => outputs.includes(name))] ?? null;
}

/**
 * The region that a page's own address names, as a query for the addresses of media; empty where it names none. Two letters: anything
 * else would be refused there.
 */
export function regionQuery(search) {
  const region = new URLSearchParams(search).get('region') ?? '';
  return /^[A-Za-z]{2}$/.test(region) ? `?region=${region.toUpperCase()}` : '';
}

/** What a key does to the player: `toggle`, `mute`, `fullscreen`, or nothing. Not while somebody types or presses a button. */
export function keyAct({ key, tag, isModified }) {
  if (isModified || ['INPUT', 'TEXTAREA', 'SELECT'].includes(tag)) return null;
  if (key === ' ') return ['BUTTON', 'A', 'SUMMARY'].includes(tag) ? null : 'toggle';
  return { k: 'toggle', m: 'mute', f: 'fullscreen' }[key.toLowerCase()] ?? null;
}

/** How many watch, in words; `null` while unknown. */
export function viewersText(answer) {
  // Nobody yet is nothing to tell somebody who watches.
  if (!answer || !Number.isFinite(answer.viewers) || answer.viewers === 0) return null;
  const number = answer.viewers.toLocaleString();
  return `${answer.estimate ? 'about ' : ''}${number} ${answer.viewers === 1 ? 'viewer' : 'viewers'}`;
}
