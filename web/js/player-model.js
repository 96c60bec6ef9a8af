// What the player does next. Pure: an event goes in, the new state and one action come out.
//
// Phases: loading, playing, buffering, paused, notYet (the channel has nothing to show), failed (will try again), offline,
// unsupported (this browser plays no HLS). Actions: none, load (set the source and play), probe (ask how the playlist answers).

import { nextDelay } from './backoff.js';

export const initial = { phase: 'loading', attempt: 0 };

/** `random` in 0…1 spreads retries. */
export function decide(state, event, random = 0.5) {
  if (state.phase === 'unsupported') return keep(state);
  switch (event.kind) {
    case 'started':
      return event.canPlay ? go({ phase: 'loading', attempt: 0 }, 'load') : keep({ phase: 'unsupported', attempt: 0 });
    case 'playing':
      return keep({ phase: 'playing', attempt: 0 });
    case 'starved':
      return keep(state.phase === 'playing' ? { ...state, phase: 'buffering' } : state);
    case 'paused':
      return keep(state.phase === 'playing' || state.phase === 'buffering' ? { ...state, phase: 'paused' } : state);
    case 'resumed':
      // What was held while paused is old or gone: go back to the live edge.
      return state.phase === 'paused' && event.pausedSeconds > 10
        ? go({ ...state, phase: 'loading' }, 'load') : keep({ ...state, phase: state.phase === 'paused' ? 'loading' : state.phase });
    case 'failed':
    case 'stuck':
      return state.phase === 'paused' ? keep(state) : go({ ...state, phase: 'failed' }, 'probe');
    case 'probed':
      return probed(state, event.answer, random);
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
    case 'unsupported':
      return 'This browser cannot play the broadcast. It plays in current Chrome, Edge and Safari, and in VLC and mpv with this address:';
    default:
      return null;
  }
}
