import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { targetActs, targetChange, targetFields, targetStatus } from '../js/targets-model.js';

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

const filled = (kind, target, more = {}) => ({ ...Object.fromEntries(targetFields(kind, target).map(({ name, value, choices }) => [name, value ?? (choices && Object.keys(choices)[0]) ?? ''])), ...more });

test('a form that nobody touched changes nothing', () => {
  const discord = target({ kind: 'discord', name: 'Chat', place: 'https://discord.com', topics: ['slots', 'queue'], templates: { onAir: '{dj}!' }, enabled: true });
  assert.deepEqual(targetChange('discord', filled('discord', discord)), { name: 'Chat', topics: ['slots', 'queue'], templates: { onAir: '{dj}!' }, enabled: true });
  const webhook = target({ kind: 'webhook', name: 'Hook', place: 'https://example.org', kinds: ['onair.*', 'queue.*'], batch: 10, enabled: false });
  assert.deepEqual(targetChange('webhook', filled('webhook', webhook)), { name: 'Hook', kinds: ['onair.*', 'queue.*'], batch: 10, enabled: false });
});

test('a new target says where, which events and in whose words', () => {
  assert.deepEqual(targetChange('webhook', filled('webhook', null, { name: ' Hook ', url: 'https://example.org/in ', kinds: 'onair.*,, queue.*' })),
    { name: 'Hook', url: 'https://example.org/in', kinds: ['onair.*', 'queue.*'], batch: 1 });
  assert.deepEqual(targetChange('discord', filled('discord', null, { name: 'Chat', url: 'https://discord.com/api/webhooks/1/x', 'topic-health': false, 'sentence-onAir': 'Now: {dj}' })),
    { name: 'Chat', url: 'https://discord.com/api/webhooks/1/x', topics: ['slots', 'headsUp', 'queue'], templates: { onAir: 'Now: {dj}' } });
  assert.deepEqual(targetChange('file', filled('file', null, { name: 'Log', file: 'events.jsonl' })), { name: 'Log', file: 'events.jsonl', kinds: [] });
});

test('the sentences are those of the docs', () => {
  const docs = readFileSync(new URL('../../docs/discord.md', import.meta.url), 'utf8');
  const table = Object.fromEntries([...docs.matchAll(/^\| `(\w+)` \| (.*?) \|$/gm)].map(([, name, words]) => [name, words]));
  for (const { name, placeholder } of targetFields('discord').filter((field) => field.name.startsWith('sentence-'))) {
    assert.equal(placeholder, table[name.slice('sentence-'.length)]);
  }
});
