import assert from 'node:assert/strict';
import test from 'node:test';

import { CATCH_UP_RATE, LIMITS, behindText, decideBuffer, initialBuffer, latencyText, mayBegin, qualityText, readFormat } from '../js/buffer-model.js';

const seen = (time, ranges, more = {}) => ({ time, ranges, isPaused: false, isSeeking: false, now: 1000, ...more });

test('nothing buffered, nothing done', () => {
  const { seekTo, rate, latency } = decideBuffer(initialBuffer, seen(0, []));
  assert.deepEqual([seekTo, rate, latency], [null, 1, null]);
});

test('near the target it plays at its own pace', () => {
  const { seekTo, rate, latency } = decideBuffer(initialBuffer, seen(9.2, [[0, 10]]));
  assert.deepEqual([seekTo, rate], [null, 1]);
  assert.ok(Math.abs(latency - 0.8) < 1e-9);
});

test('a little behind is caught up, and not let go at the first chance', () => {
  const first = decideBuffer(initialBuffer, seen(8.5, [[0, 10]]));
  assert.equal(first.rate, CATCH_UP_RATE);
  const between = decideBuffer(first.state, seen(8.98, [[0, 10]]));
  assert.equal(between.rate, CATCH_UP_RATE);
  assert.equal(decideBuffer(between.state, seen(9.15, [[0, 10]])).rate, 1);
  // Coming from the other side the same place is no reason to hurry.
  assert.equal(decideBuffer(initialBuffer, seen(8.98, [[0, 10]])).rate, 1);
});

test('far behind leaps to the live edge', () => {
  const { seekTo, rate } = decideBuffer(initialBuffer, seen(1, [[0, 20]]));
  assert.equal(seekTo, 20 - initialBuffer.target);
  assert.equal(rate, 1);
});

test('a hole is leapt over', () => {
  assert.ok(decideBuffer(initialBuffer, seen(5, [[0, 5], [5.2, 5.6]])).seekTo >= 5.2);
  // The hole is not the last one: on at once behind it, not at the live edge.
  assert.ok(Math.abs(decideBuffer(initialBuffer, seen(5, [[0, 5], [5.2, 8], [9, 12]])).seekTo - 5.21) < 1e-9);
});

test('media that begins later than playing stands is gone to', () => {
  const { seekTo } = decideBuffer(initialBuffer, seen(0, [[1000, 1002]]));
  assert.equal(seekTo, 1002 - initialBuffer.target);
});

test('media that begins earlier than playing stands is gone back to', () => {
  // The programme began anew: the server was restarted.
  assert.equal(decideBuffer(initialBuffer, seen(5000, [[10, 13]])).seekTo, 13 - initialBuffer.target);
});

test('each stall widens the buffer once, up to a limit, and calm narrows it', () => {
  let { state } = decideBuffer(initialBuffer, seen(10, [[0, 10]]));
  assert.equal(state.target, initialBuffer.target + LIMITS.perStall);
  assert.equal(decideBuffer(state, seen(10, [[0, 10]])).state.target, state.target);
  for (let stall = 0; stall < 20; stall += 1) {
    state = decideBuffer(state, seen(10, [[0, 12]])).state;
    state = decideBuffer(state, seen(12, [[0, 12]])).state;
  }
  assert.equal(state.target, LIMITS.most);
  state = decideBuffer(state, seen(12, [[0, 14]])).state;
  const calm = decideBuffer(state, seen(12, [[0, 14]], { now: 1000 + LIMITS.calmMilliseconds + 1 })).state;
  assert.ok(calm.target < LIMITS.most && calm.target >= initialBuffer.target);
});

test('paused or seeking it leaves the picture alone', () => {
  for (const more of [{ isPaused: true }, { isSeeking: true }]) {
    const { seekTo, rate } = decideBuffer(initialBuffer, seen(1, [[0, 20]], more));
    assert.deepEqual([seekTo, rate], [null, 1]);
  }
});

test('what was played long ago is let go', () => {
  assert.equal(decideBuffer(initialBuffer, seen(25, [[0, 26]])).removeBefore, null);
  assert.equal(decideBuffer(initialBuffer, seen(60, [[0, 61]])).removeBefore, 60 - LIMITS.keepBehind);
});

test('playing begins with enough to go on', () => {
  assert.equal(mayBegin([], 0.8), false);
  assert.equal(mayBegin([[5, 5.3]], 0.8), false);
  assert.equal(mayBegin([[5, 5.6]], 0.8), true);
});

test('the server’s words on the format, and no others', () => {
  assert.deepEqual(readFormat('{"type":"format","mime":"video/mp4; codecs=\\"avc1\\"","width":640,"height":360}'), { mime: 'video/mp4; codecs="avc1"', width: 640, height: 360 });
  for (const text of ['', 'null', '[]', '{"type":"other","mime":"x"}', '{"type":"format"}', '{']) assert.equal(readFormat(text), null);
});

test('figures for people', () => {
  assert.equal(latencyText(null), '–');
  assert.equal(latencyText(0.84), '0.8 s');
  assert.equal(latencyText(12.4), '12 s');
  assert.equal(qualityText(1920, 1080), '1080p');
  assert.equal(qualityText(1080, 1920), '1080p');
  assert.equal(qualityText(null, null), '');
});

test('how far behind, said plainly where the browser does not tell', () => {
  assert.equal(behindText(0.84, 'mse').text, '0.8 s behind');
  assert.equal(behindText(11.2, 'hls').text, '11 s behind');
  assert.equal(behindText(null, 'hls').text, 'some seconds behind');
  assert.match(behindText(null, 'hls').title, /does not say/);
  assert.equal(behindText(null, 'mse').text, '');
});
