import assert from 'node:assert/strict';
import test from 'node:test';

import { PRESETS, presetChanges, studioStatus } from '../js/studios-model.js';

test('an OBS that follows says what it shows', () => {
  assert.deepEqual(studioStatus({ state: 'fine', scene: 'Live', streaming: true, recording: true, droppedFrames: 0.12 }), {
    word: 'Follows', tone: 'good',
    notes: ['Shows the scene “Live”.', 'It streams and records.', '12 % of its stream’s pictures do not leave.'],
  });
});

test('an OBS that is away says why', () => {
  assert.deepEqual(studioStatus({ state: 'away', lastError: 'nobody answers there' }).notes, ['Nobody answers there. It is tried again by itself.']);
  assert.equal(studioStatus({ state: 'wrongPassword' }).tone, 'air');
  assert.deepEqual(studioStatus({ state: 'off' }), { word: 'Off', tone: 'dim', notes: [] });
  assert.equal(studioStatus({ state: 'of tomorrow' }).word, 'of tomorrow');
});

test('only presets that differ are sent, an emptied one as empty', () => {
  assert.deepEqual(presetChanges({ liveScene: 'Live', djText: '', slateScene: 'Break' }, { liveScene: 'Live', djText: 'DJ' }), { djText: '', slateScene: 'Break' });
  assert.ok(Object.keys(PRESETS).length === 7);
});
