import assert from 'node:assert/strict';
import test from 'node:test';

import { nextDelay } from '../js/backoff.js';
import { settingsChange, settingsValues } from '../js/settings-model.js';

test('waits double up to a cap, with jitter below', () => {
  assert.deepEqual([1, 2, 3, 6, 100].map((attempt) => nextDelay(attempt, 1)), [1000, 2000, 4000, 20000, 20000]);
  assert.equal(nextDelay(1, 0), 500);
  assert.equal(nextDelay(0, 1), 1000);
});

test('minutes become seconds, and nothing means no limit', () => {
  assert.deepEqual(settingsChange({ slotMinutes: '60', isOpen: true }), { slotSeconds: 3600, isOpen: true });
  assert.deepEqual(settingsChange({ slotMinutes: ' 0,5 ', isOpen: false }), { slotSeconds: 30, isOpen: false });
  assert.deepEqual(settingsChange({ slotMinutes: '', isOpen: true }), { slotSeconds: null, isOpen: true });
});

test('nonsense is refused at its field', () => {
  for (const slotMinutes of ['abc', '0', '-4', '1441', '1e9']) {
    assert.throws(() => settingsChange({ slotMinutes, isOpen: true }), { field: 'slotMinutes' });
  }
});

test('the form shows what the server keeps', () => {
  assert.deepEqual(settingsValues({ slotSeconds: 30, isOpen: true }), { slotMinutes: '0.5', isOpen: true });
  assert.deepEqual(settingsValues({ slotSeconds: null, isOpen: false }), { slotMinutes: '', isOpen: false });
  assert.deepEqual(settingsValues({ slotSeconds: 3600, isOpen: true }), { slotMinutes: '60', isOpen: true });
});

test('the settings form shows all settings and sends only what was changed', () => {
  const settings = {
    autoAdvance: true, overtimeWhenAlone: true, deadAfter: false, coverDrop: 'slate', rejoin: 'tail', blockAfterTurn: 'off', graceOnAirSeconds: 30,
    graceWaitingSeconds: 120, maximumLength: null, warningSeconds: [600, 60],
    output: { slateText: 'none' },
  };
  const drawn = settingsValues({ slotSeconds: 3600, isOpen: true, settings });
  assert.equal(drawn.graceOnAir, '30s');
  assert.equal(drawn.graceWaiting, '2m');
  assert.equal(drawn.warnings, '10m, 1m');
  assert.deepEqual(settingsChange({ ...drawn }, drawn), {});
  const entered = { ...drawn, deadAfter: true, coverDrop: 'next', graceOnAir: '5 s', warnings: '5m, 1m', maximumLength: '' };
  assert.deepEqual(settingsChange(entered, drawn), { deadAfter: true, coverDrop: 'next', graceOnAir: '5s', warnings: '5m,1m' });
  assert.deepEqual(settingsChange({ maximumLength: '' }, { maximumLength: '9' }), { maximumLength: 'none' });
});
