import assert from 'node:assert/strict';
import test from 'node:test';

import { decide, initial, message, readAnswer, regionQuery, viewerQuery, viewersText } from '../js/player-model.js';

const at = (phase, attempt = 0) => ({ phase, attempt });

test('loads when the browser can play, and says so when it cannot', () => {
  assert.equal(decide(initial, { kind: 'started', canPlay: true }).action, 'load');
  const { state, action } = decide(initial, { kind: 'started', canPlay: false });
  assert.deepEqual([state.phase, action], ['unsupported', 'none']);
  assert.equal(decide(state, { kind: 'failed' }).action, 'none');
});

test('a DJ whose codec the browser lacks is waited out without a loop', () => {
  const { state, action, delay } = decide(at('playing'), { kind: 'undecodable' });
  assert.deepEqual([state.phase, action, delay], ['undecodable', 'load', 10000]);
  assert.match(message(state.phase), /HEVC/);
  assert.equal(decide(state, { kind: 'starved' }).state.phase, 'undecodable');
  assert.equal(decide(state, { kind: 'paused' }).state.phase, 'undecodable');
  assert.equal(decide(state, { kind: 'playing' }).state.phase, 'playing');
});

test('who is outside is told so until that has changed, and who watches goes on', () => {
  for (const phase of ['loading', 'failed', 'offline', 'notYet', 'outside']) {
    const { state, action } = decide(at(phase, 3), { kind: 'placed', isOutside: true });
    assert.deepEqual([state, action], [at('outside'), 'none']);
  }
  for (const phase of ['playing', 'buffering', 'paused']) {
    assert.equal(decide(at(phase), { kind: 'placed', isOutside: true }).state.phase, phase);
  }
  assert.match(message('outside'), /not offered in your region/);
  for (const kind of ['failed', 'stuck', 'starved', 'online', 'blocked', 'undecodable']) {
    assert.deepEqual(decide(at('outside'), { kind }), { state: at('outside'), action: 'none', delay: 0 });
  }
  assert.deepEqual(decide(at('outside'), { kind: 'placed', isOutside: false }), { state: at('loading'), action: 'load', delay: 0 });
  assert.equal(decide(at('failed'), { kind: 'placed', isOutside: false }).action, 'none');
});

test('a region of two letters goes on to the media', () => {
  assert.equal(regionQuery('?x=1&region=gb'), '?region=GB');
  for (const search of ['', '?region=', '?region=England', '?region=G1', '?regions=GB']) assert.equal(regionQuery(search), '');
});

test('a viewer’s token goes on to the media with the region, and nothing else does', () => {
  const token = 'p.1795291200.AbC-_0123456789x.AbCdEfGhIjKlMnOpQrStUv';
  assert.equal(viewerQuery(`?viewer=${token}`), `?viewer=${token}`);
  assert.equal(viewerQuery(`?region=gb&x=1&viewer=${token}&viewer=other`), `?viewer=${token}&region=GB`);
  assert.equal(viewerQuery('?region=ie'), '?region=IE');
  for (const viewer of ['', 'a b', 'a%26region=US', 'a%22onload', 'é', 'a'.repeat(97), '..%2F']) assert.equal(viewerQuery(`?viewer=${viewer}&region=GB`), '?region=GB');
  assert.equal(regionQuery(`?viewer=${token}&region=GB`), '?region=GB');
});

test('an answer is told by status and code', () => {
  const told = (status, slug) => readAnswer(status, slug && { type: `/problems/${slug}`, detail: 'Why.' });
  assert.deepEqual([told(200), told(426, 'upgrade-required'), told(503, 'unavailable'), told(404, 'not-found')].map(({ answer }) => answer),
    ['ready', 'ready', 'notYet', 'off']);
  assert.deepEqual(told(503, 'full'), { answer: 'full', reason: 'Why.' });
  // A proxy's words say nothing of the channel.
  assert.deepEqual([told(502), told(503), told(404)].map(({ answer }) => answer), Array(3).fill('missing'));
  assert.deepEqual([told(401, 'viewer-token'), told(401), told(403, 'viewer-token')].map(({ answer }) => answer), Array(3).fill('uninvited'));
  assert.deepEqual(told(403, 'sent-away'), { answer: 'sentAway', reason: 'Why.' });
  assert.equal(told(403, 'region').answer, 'outside');
  // Another's refusal, a proxy's for example, is no word of an operator.
  assert.deepEqual([told(403), readAnswer(403, null), readAnswer(403, { type: 7 })].map(({ answer }) => answer), Array(3).fill('missing'));
});

test('who has no good link is told so and tries by a button only', () => {
  const { state, action } = decide(at('failed', 4), { kind: 'probed', answer: 'uninvited' });
  assert.deepEqual([state, action], [at('uninvited'), 'none']);
  assert.match(message('uninvited'), /invited viewers: ask its operator for a link/);
  for (const event of [{ kind: 'failed' }, { kind: 'stuck' }, { kind: 'starved' }, { kind: 'placed', isOutside: true }, { kind: 'placed', isOutside: false },
    { kind: 'resumed', pausedSeconds: Infinity }, { kind: 'online' }]) {
    assert.deepEqual(decide(state, event), { state, action: 'none', delay: 0 }, event.kind);
  }
  const asked = decide(state, { kind: 'asked' });
  assert.deepEqual([asked.state.phase, asked.action, asked.delay], ['loading', 'probe', 0]);
  assert.equal(decide(asked.state, { kind: 'probed', answer: 'ready' }).action, 'load');
  assert.equal(decide(asked.state, { kind: 'probed', answer: 'uninvited' }).state.phase, 'uninvited');
});

test('who was sent away reads the server’s words, and is let in again without a hurry', () => {
  const { state, action, delay } = decide(at('failed', 2), { kind: 'probed', answer: 'sentAway', reason: 'Later.' });
  assert.deepEqual([state.phase, action, delay], ['sentAway', 'probe', 30000]);
  assert.equal(message(state.phase, state.reason), 'Later.');
  assert.match(message('sentAway'), /sent you away/);
  assert.equal(decide(state, { kind: 'failed' }).action, 'none');
  const again = decide(state, { kind: 'probed', answer: 'sentAway', reason: 'Later.' });
  assert.deepEqual([again.action, again.delay], ['probe', 30000]);
  assert.deepEqual(decide(state, { kind: 'probed', answer: 'ready' }), { state: at('loading'), action: 'load', delay: 0 });
  assert.deepEqual(decide(at('failed'), { kind: 'probed', answer: 'outside' }), { state: at('outside'), action: 'none', delay: 0 });
});

test('a failure first asks why', () => {
  for (const phase of ['loading', 'playing', 'buffering']) {
    const { state, action } = decide(at(phase), { kind: 'failed' });
    assert.deepEqual([state.phase, action], ['failed', 'probe']);
  }
  // What is waited for is not called a failure meanwhile.
  for (const phase of ['notYet', 'offline', 'full']) {
    const { state, action } = decide(at(phase), { kind: 'failed' });
    assert.deepEqual([state.phase, action], [phase, 'probe']);
  }
});

test('a server that is back is used at once, and one that fails all the same is not hurried', () => {
  for (const phase of ['notYet', 'offline', 'full']) {
    assert.deepEqual(decide(at(phase, 6), { kind: 'probed', answer: 'ready' }), { state: at('loading'), action: 'load', delay: 0 });
  }
  const { state } = decide(at('loading'), { kind: 'failed' });
  assert.deepEqual(decide(state, { kind: 'probed', answer: 'ready' }, 1), { state: at('failed', 1), action: 'load', delay: 1000 });
});

test('where one feed is full the other is tried, and else the server’s words are shown', () => {
  const full = { kind: 'probed', answer: 'full', reason: 'Too many.' };
  assert.deepEqual(decide(at('failed', 2), { ...full, isOtherFeed: true }), { state: at('loading', 2), action: 'load', delay: 0 });
  const { state, action, delay } = decide(at('failed', 2), full, 1);
  assert.deepEqual([state.phase, state.attempt, action, delay], ['full', 3, 'load', 4000]);
  assert.equal(message(state.phase, state.reason), 'Too many.');
  assert.match(message('full'), /As many people watch/);
});

test('a channel that offers no feed for pages is said to, and begins by itself', () => {
  for (const phase of ['loading', 'failed', 'notYet', 'offline', 'full', 'undecodable']) {
    assert.deepEqual(decide(at(phase, 3), { kind: 'offered', best: null }), { state: at('notOffered'), action: 'none', delay: 0 });
  }
  assert.match(message('notOffered'), /begins by itself/);
  for (const event of [{ kind: 'failed' }, { kind: 'probed', answer: 'off' }, { kind: 'offered', best: null }]) {
    assert.deepEqual(decide(at('notOffered'), event), { state: at('notOffered'), action: 'none', delay: 0 });
  }
  assert.deepEqual(decide(at('notOffered'), { kind: 'offered', best: 'hls' }), { state: at('loading'), action: 'load', delay: 0 });
  assert.deepEqual(decide(at('offline', 5), { kind: 'offered', best: 'mse' }), { state: at('loading'), action: 'load', delay: 0 });
  // What plays goes on until it ends; a refusal stands.
  for (const phase of ['playing', 'buffering', 'paused', 'sentAway', 'uninvited', 'unsupported', 'outside']) {
    assert.deepEqual(decide(at(phase), { kind: 'offered', best: null }), { state: at(phase), action: 'none', delay: 0 });
  }
});

test('low latency is gone back to when it is offered again', () => {
  for (const phase of ['playing', 'buffering', 'loading', 'failed']) {
    assert.deepEqual(decide(at(phase, 2), { kind: 'offered', best: 'mse', isBetter: true }), { state: at('loading'), action: 'load', delay: 0 });
    assert.equal(decide(at(phase), { kind: 'offered', best: 'mse', isBetter: false }).action, 'none');
  }
  // Who paused sees the picture that stands, and low latency when going on.
  assert.deepEqual(decide(at('paused'), { kind: 'offered', best: 'mse', isBetter: true }), { state: at('paused'), action: 'release', delay: 0 });
});

test('the answer chooses the words, and every answer leads to another try', () => {
  for (const [answer, phase] of [['notYet', 'notYet'], ['unreachable', 'offline'], ['ready', 'failed'], ['missing', 'failed']]) {
    const { state, action, delay } = decide(at('failed'), { kind: 'probed', answer }, 1);
    assert.deepEqual([state.phase, state.attempt, action, delay], [phase, 1, 'load', 1000]);
  }
});

test('tries are spaced out and start over once it plays', () => {
  let state = at('failed');
  const delays = [];
  for (let turn = 0; turn < 7; turn += 1) {
    const decision = decide(state, { kind: 'probed', answer: 'ready' }, 1);
    delays.push(decision.delay);
    state = decision.state;
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, 20000, 20000]);
  assert.deepEqual(decide(state, { kind: 'playing' }).state, at('playing'));
});

test('starving is shown only when it played', () => {
  assert.equal(decide(at('playing'), { kind: 'starved' }).state.phase, 'buffering');
  assert.equal(decide(at('notYet'), { kind: 'starved' }).state.phase, 'notYet');
});

test('a long pause goes back to the live edge, a short one plays on', () => {
  assert.equal(decide(at('paused'), { kind: 'resumed', pausedSeconds: 60 }).action, 'load');
  assert.equal(decide(at('paused'), { kind: 'resumed', pausedSeconds: 3 }).action, 'none');
});

test('nothing is reloaded behind the back of somebody who paused', () => {
  assert.equal(decide(at('paused'), { kind: 'failed' }).action, 'none');
  assert.equal(decide(at('paused'), { kind: 'stuck' }).action, 'none');
});

test('comes back at once when the network does', () => {
  assert.equal(decide(at('playing'), { kind: 'offline' }).state.phase, 'offline');
  assert.equal(decide(at('offline', 5), { kind: 'online' }).action, 'load');
  assert.equal(decide(at('playing'), { kind: 'online' }).action, 'none');
});

test('every phase that hides the picture says why', () => {
  for (const phase of ['loading', 'buffering', 'notYet', 'failed', 'offline', 'unsupported']) assert.ok(message(phase).length > 10);
  assert.equal(message('playing'), null);
  assert.equal(message('paused'), null);
});

test('viewers in words', () => {
  assert.equal(viewersText(null), null);
  assert.equal(viewersText({ viewers: 0, estimate: false }), null);
  assert.equal(viewersText({ viewers: 1, estimate: false }), '1 viewer');
  assert.equal(viewersText({ viewers: 12, estimate: true }), 'about 12 viewers');
});

test('a browser that wants a click first shows a picture that stands, and plays from the live edge after it', () => {
  const { state } = decide(at('loading'), { kind: 'blocked' });
  assert.equal(state.phase, 'paused');
  assert.equal(message(state.phase), null);
  assert.equal(decide(state, { kind: 'resumed', pausedSeconds: 60 }).action, 'load');
});
