import assert from 'node:assert/strict';
import test from 'node:test';

import { figures, judge, testAddress } from '../js/test-model.js';

const good = { missing: [], bitsPerSecond: 4_200_000, frameRate: 29.97, keyFrameSeconds: 2, isSilent: false, clockJumps: 0 };

test('the test has an address of its own', () => {
  assert.equal(testAddress('rtmp://a.example:1936/live'), 'rtmp://a.example:1936/test');
});

test('says what to mend', () => {
  assert.equal(judge(null).verdict, 'nothing');
  assert.deepEqual(judge(good), { verdict: 'good', lines: [] });
  assert.deepEqual(judge({ ...good, missing: ['no sound yet'] }).lines, ['no sound yet']);
  assert.match(judge({ ...good, keyFrameSeconds: 8.3 }).lines[0], /8\.3 s/);
  assert.equal(judge({ ...good, isSilent: true }).verdict, 'bad');
  assert.equal(judge({ ...good, clockJumps: 2 }).verdict, 'bad');
});

test('figures are those that are known', () => {
  assert.equal(figures(good), '4.2 Mbit/s · 30 pictures a second · a key frame every 2.0 s');
  assert.equal(figures({ ...good, bitsPerSecond: undefined, frameRate: undefined, keyFrameSeconds: undefined }), '');
});
