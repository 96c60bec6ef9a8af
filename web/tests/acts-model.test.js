import assert from 'node:assert/strict';
import test from 'node:test';

import { keptOutActs, queueActs, refusal, stageActs, waitingActs } from '../js/acts-model.js';

const entry = (name, more = {}) => ({ id: `id-${name}`, name, state: 'waiting', connected: true, ready: true, ...more });
const view = (entries, more = {}) => ({ version: 7, isOpen: true, settings: { autoAdvance: true }, entries, ...more });
const keys = (acts) => acts.map((act) => act.key);

test('nobody on air: nothing to do on the stage', () => {
  assert.deepEqual(stageActs(view([entry('B')])), []);
});

test('on air: longer, shorter, skip; no times without a limit', () => {
  const limited = stageActs(view([entry('A', { state: 'onAir', remainingSeconds: 60 })]));
  assert.deepEqual(keys(limited), ['longer', 'shorter', 'skip', 'id-A-ban']);
  assert.deepEqual(limited[0].body, { entry: 'id-A', seconds: 300, version: 7 });
  assert.deepEqual(limited[1].body, { entry: 'id-A', seconds: -300, version: 7 });
  // Names the entry that was seen, so that a late click ends nobody else's slot.
  assert.deepEqual(limited[2].body, { entry: 'id-A' });
  assert.deepEqual(keys(stageActs(view([entry('A', { state: 'onAir' })]))), ['skip', 'id-A-ban']);
});

test('moving is offered where there is a place, and carries the version that was seen', () => {
  const three = view([entry('A', { state: 'onAir' }), entry('B'), entry('C'), entry('D')]);
  const moves = (name) => waitingActs(three, three.entries.find((one) => one.name === name)).filter((act) => act.act === 'move')
    .map((act) => [act.label, act.body.position, act.body.version]);
  assert.deepEqual(moves('B'), [['Down', 2, 7]]);
  assert.deepEqual(moves('C'), [['Up', 1, 7], ['Down', 3, 7]]);
  assert.deepEqual(moves('D'), [['Up', 2, 7]]);
  assert.deepEqual(waitingActs(view([entry('B')]), entry('B')).map((act) => act.act), ['put-on-air', 'hold', 'remove', 'ban']);
});

test('one who is held can be released', () => {
  const acts = waitingActs(view([entry('B', { held: true })]), entry('B', { held: true }));
  assert.deepEqual(acts.find((act) => act.key === 'id-B-hold').act, 'release');
});

test('putting on air asks only when it ends somebody’s slot', () => {
  const air = (some) => waitingActs(some, some.entries.at(-1)).find((act) => act.act === 'put-on-air');
  assert.equal(air(view([entry('B')])).confirm, undefined);
  assert.match(air(view([entry('A', { state: 'onAir' }), entry('B')])).confirm, /slot of A ends/);
  const unready = { connected: true, ready: false };
  assert.match(air(view([entry('A', { state: 'onAir' }), entry('B', unready)])).confirm, /A stays on air until then/);
  assert.match(air(view([entry('B', unready)])).confirm, /slate shows until then/);
});

test('clearing is offered while somebody waits, and only for the queue that was seen', () => {
  const clear = (some) => queueActs(some).find((act) => act.act === 'clear');
  assert.equal(clear(view([entry('A', { state: 'onAir' })])), undefined);
  assert.deepEqual(clear(view([entry('B')])).body, { version: 7 });
  assert.match(clear(view([entry('B'), entry('C')])).confirm, /All 2 DJs/);
});

test('who is kept out can be let in, each by the act that fits', () => {
  const people = keptOutActs(view([], {
    banned: [{ user: 'u1', name: 'Eve', reason: 'rude' }], blocked: [{ user: 'u2', name: 'Bob', rule: 'someoneElsePlayed' }],
  }));
  assert.deepEqual(people.map(({ name, words, act }) => [name, words, act.act, act.body]), [
    ['Eve', 'banned (rude)', 'unban', { user: 'u1' }],
    ['Bob', 'pauses until somebody else has played', 'unblock', { user: 'u2' }],
  ]);
  assert.deepEqual(keptOutActs(view([])), []);
});

test('switches say what they would do', () => {
  assert.deepEqual(queueActs(view([])).map((act) => [act.act, act.body]), [['close', {}], ['auto-advance', { enabled: false }]]);
  assert.deepEqual(queueActs(view([], { isOpen: false, settings: { autoAdvance: false } })).map((act) => [act.act, act.body]),
    [['open', {}], ['auto-advance', { enabled: true }]]);
});

test('a conflict shows the queue as it is', () => {
  const queue = view([]);
  const told = refusal({ slug: 'queue-moved', message: 'x', queue });
  assert.match(told.text, /nothing was done/);
  assert.equal(told.queue, queue);
  assert.deepEqual(refusal({ slug: 'unreachable', message: 'No server.' }), { text: 'No server.', queue: null });
});
