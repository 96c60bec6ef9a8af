import assert from 'node:assert/strict';
import test from 'node:test';

import { chooseEngine, decide, initial, keyAct, message, offeredEngines, outsidePath, regionQuery, viewersText } from '../js/player-model.js';

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

test('a failure first asks why', () => {
  for (const phase of ['loading', 'playing', 'buffering', 'notYet']) {
    const { state, action } = decide(at(phase), { kind: 'failed' });
    assert.deepEqual([state.phase, action], ['failed', 'probe']);
  }
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

test('the lowest latency that plays; the browser’s own player where no WebSocket gets through', () => {
  assert.equal(chooseEngine({ mse: true, hls: true }, 0), 'mse');
  assert.equal(chooseEngine({ mse: true, hls: true }, 3), 'hls');
  assert.equal(chooseEngine({ mse: true, hls: false }, 9), 'mse');
  assert.equal(chooseEngine({ mse: false, hls: true }, 0), 'hls');
  assert.equal(chooseEngine({ mse: false, hls: false }, 0), null);
});

test('keys work the player, and are left to whoever types or presses', () => {
  const press = (key, tag = 'BODY', isModified = false) => keyAct({ key, tag, isModified });
  assert.deepEqual([press(' '), press('m'), press('F'), press('x')], ['toggle', 'mute', 'fullscreen', null]);
  assert.equal(press(' ', 'BUTTON'), null);
  assert.equal(press('m', 'BUTTON'), 'mute');
  assert.equal(press('m', 'INPUT'), null);
  assert.equal(press('f', 'BODY', true), null);
});

test('what the channel does not offer is not tried, and not told to others', () => {
  const both = { mse: true, hls: true };
  assert.deepEqual(offeredEngines(both, ['hls', 'dash']), { mse: false, hls: true });
  assert.deepEqual(offeredEngines(both, ['ws']), { mse: true, hls: false });
  // Nothing that a browser plays: it looks until something is back.
  assert.deepEqual(offeredEngines(both, ['rtmp']), both);
  assert.equal(outsidePath('main', ['dash', 'hls']), '/hls/main/index.m3u8');
  assert.equal(outsidePath('main', ['dash', 'stream']), '/stream/main');
  assert.equal(outsidePath('main', ['rtmp']), null);
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
