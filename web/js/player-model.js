// What the player does next. Pure: an event goes in, the new state and one action come out.
//
// Phases: loading, playing, buffering, paused, notYet (the channel has nothing to show), failed (will try again), offline,
// outside (the channel is not offered where the viewer is), uninvited (it is for invited viewers), sentAway (an operator's word),
// full (the server lets nobody more in this way), notOffered (no feed for pages is on), unsupported (this browser plays none of our
// feeds), undecodable (it knows not the codec of the DJ who is on air now). Actions: none, load (set the source and play), release (let
// the feed go), probe (ask how the media's address answers).

import { nextDelay } from './backoff.js';

/** A browser that cannot decode who is on air looks this often whether that has changed. */
const LOOK_AGAIN_MILLISECONDS = 10000;
/** Who was sent away is let in again after minutes. */
const SENT_AWAY_MILLISECONDS = 30000;
/** The server has said no, so nothing is played until it says otherwise. */
const REFUSED = ['uninvited', 'sentAway'];

/** The server was away, not ready or full: once it is ready, nothing is waited for. */
const AWAY = ['notYet', 'offline', 'full'];

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
      if (state.phase === 'paused' || state.phase === 'notOffered' || REFUSED.includes(state.phase)) return keep(state);
      // What is waited for stands until the server says something else.
      return go({ ...state, phase: AWAY.includes(state.phase) ? state.phase : 'failed' }, 'probe');
    case 'probed':
      return probed(state, event, random);
    case 'asked':
      // Somebody pressed the button: nothing else makes a link good again.
      return state.phase === 'uninvited' ? go({ phase: 'loading', attempt: 0 }, 'probe') : keep(state);
    case 'offered':
      return offered(state, event);
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

/** `isOtherFeed`: another feed than the one that failed is the one to try now. */
function probed(state, { answer, reason, isOtherFeed }, random) {
  if (answer === 'outside' || answer === 'uninvited') return keep({ phase: answer, attempt: 0 });
  if (answer === 'sentAway') return { state: { phase: answer, attempt: 0, reason }, action: 'probe', delay: SENT_AWAY_MILLISECONDS };
  if (answer === 'ready' && ['sentAway', 'loading', ...AWAY].includes(state.phase)) return go({ phase: 'loading', attempt: 0 }, 'load');
  if (state.phase === 'notOffered') return keep(state);
  if (isOtherFeed) return go({ phase: 'loading', attempt: state.attempt }, 'load');
  if (answer === 'full') return retry({ ...state, phase: 'full', reason }, random);
  if (answer === 'unreachable') return retry({ ...state, phase: 'offline' }, random);
  if (answer === 'notYet') return retry({ ...state, phase: 'notYet' }, random);
  return retry({ ...state, phase: 'failed' }, random);
}

/** `best`: the feed to play of what is offered, or `null`; `isBetter`: it is offered again, and better than the one that plays. */
function offered(state, { best, isBetter }) {
  if (REFUSED.includes(state.phase)) return keep(state);
  const isLoaded = ['playing', 'buffering', 'paused'].includes(state.phase);
  if (best === null) return isLoaded ? keep(state) : keep({ phase: 'notOffered', attempt: 0 });
  if (state.phase === 'paused') return isBetter ? { state, action: 'release', delay: 0 } : keep(state);
  // Who is told is not offline.
  return isBetter || state.phase === 'notOffered' || state.phase === 'offline' ? go({ phase: 'loading', attempt: 0 }, 'load') : keep(state);
}

/** What plays was let in, and goes on; who was refused would be so anywhere. */
function placed(state, isOutside) {
  if (!isOutside) return state.phase === 'outside' ? go({ phase: 'loading', attempt: 0 }, 'load') : keep(state);
  return ['playing', 'buffering', 'paused', ...REFUSED].includes(state.phase) ? keep(state) : keep({ phase: 'outside', attempt: 0 });
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

/** How the media's address answered: `answer` and, where the server gave one, `reason`. `problem`: its document, where it sent one. */
export function readAnswer(status, problem) {
  const slug = String(problem?.type ?? '').replace('/problems/', '');
  // 426: only a WebSocket is to be had there, and would be.
  if ((status >= 200 && status < 300) || status === 426) return { answer: 'ready' };
  if (status === 503 && slug === 'full') return { answer: 'full', reason: problem.detail };
  if (status === 503 && slug === 'unavailable') return { answer: 'notYet' };
  // The server's own word that this output is off; a proxy's 404 is none.
  if (status === 404 && slug === 'not-found') return { answer: 'off' };
  if (status === 401 || (status === 403 && slug === 'viewer-token')) return { answer: 'uninvited' };
  if (status === 403 && slug === 'region') return { answer: 'outside' };
  if (status === 403 && slug === 'sent-away') return { answer: 'sentAway', reason: problem.detail };
  return { answer: 'missing' };
}

/** What is written over the picture in each phase; `null` shows the picture alone. `reason`: the server's own words. */
export function message(phase, reason) {
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
    case 'uninvited':
      return 'This channel is for invited viewers: ask its operator for a link. If you came with one, it has run out or is not whole.';
    case 'sentAway':
      return reason ?? 'An operator of this channel sent you away: try again later.';
    case 'full':
      return reason ?? 'As many people watch as the server lets in. Trying again…';
    case 'notOffered':
      return 'This channel offers nothing just now that a page like this one plays. It begins by itself when it does.';
    case 'unsupported':
      return 'This browser cannot play the broadcast. It plays in current Chrome, Edge and Safari, and in VLC and mpv with this address:';
    case 'undecodable':
      return 'The DJ on air sends HEVC (H.265), which this browser cannot show. The picture comes back by itself with the next DJ who sends H.264. VLC shows it now, with this address:';
    default:
      return null;
  }
}

/**
 * What a page's own address says of its viewer, as a query for the addresses of media: `?viewer=TOKEN&region=GB`, `?region=GB`, or
 * nothing. What is no token or no region is left out: it would be refused there.
 */
export function viewerQuery(search) {
  const fields = new URLSearchParams(search);
  const viewer = fields.get('viewer') ?? '';
  const kept = /^[\w.-]{1,96}$/.test(viewer) ? [`viewer=${viewer}`] : [];
  return asQuery([...kept, ...regionFields(fields)]);
}

/** The region alone: for addresses that ask for no token, and for those that others are to use. */
export function regionQuery(search) {
  return asQuery(regionFields(new URLSearchParams(search)));
}

function regionFields(fields) {
  const region = fields.get('region') ?? '';
  return /^[A-Za-z]{2}$/.test(region) ? [`region=${region.toUpperCase()}`] : [];
}

function asQuery(fields) {
  return fields.length > 0 ? `?${fields.join('&')}` : '';
}

/** How many watch, in words; `null` while unknown. */
export function viewersText(answer) {
  // Nobody yet is nothing to tell somebody who watches.
  if (!answer || !Number.isFinite(answer.viewers) || answer.viewers === 0) return null;
  const number = answer.viewers.toLocaleString();
  return `${answer.estimate ? 'about ' : ''}${number} ${answer.viewers === 1 ? 'viewer' : 'viewers'}`;
}
