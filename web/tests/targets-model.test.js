import assert from 'node:assert/strict';
import test from 'node:test';

import { targetActs, targetStatus } from '../js/targets-model.js';

const target = (more) => ({ state: 'fine', waiting: 0, failures: 0, ...more });

test('a target that takes events has nothing to tell', () => {
  assert.deepEqual(targetStatus(target(), 0), { word: 'Fine', tone: 'good', notes: [] });
  assert.deepEqual(targetActs(target()).map((act) => act.name), ['test', 'park']);
});

test('one that fails says since when, why, and what waits', () => {
  const seen = targetStatus(target({
    state: 'failing', failingSince: '2026-11-21T20:00:00.000Z', lastError: 'no answer in time', waiting: 1, failures: 2,
  }), Date.parse('2026-11-21T23:01:00.000Z'));
  assert.deepEqual(seen.notes, ['For 3 hours: no answer in time. It is tried again by itself.', '1 event waits.', 'It refused 2 events.']);
});

test('a parked one can be resumed', () => {
  const parked = target({ state: 'parked', parkedReason: 'nothing was taken for 24 h', waiting: 12000 });
  assert.deepEqual(targetStatus(parked, 0).notes, ['Nothing is sent: nothing was taken for 24 h.', '12,000 events wait.']);
  assert.deepEqual(targetActs(parked).map((act) => act.name), ['test', 'resume']);
  assert.deepEqual(targetActs(target({ state: 'off' })).map((act) => act.name), ['test']);
});
