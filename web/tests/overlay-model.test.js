import assert from 'node:assert/strict';
import test from 'node:test';

import { nextName, nowName, overlayLines, overlayOptions, timerSeconds } from '../js/overlay-model.js';

const view = (names, more = {}) => ({
  at: '2027-01-15T08:00:00.000Z', showing: 'dj',
  entries: names.map((name, index) => ({ name, state: index === 0 ? 'onAir' : 'waiting', remainingSeconds: index === 0 ? 90 : undefined })),
  ...more,
});

test('options that make no sense are left out', () => {
  const usual = {
    channel: 'main', colour: null, accent: null, font: null, weight: null, shadow: true, label: true, size: null, align: null, max: 100, numbers: true,
  };
  assert.deepEqual(overlayOptions(''), usual);
  assert.deepEqual(overlayOptions('?size=48&align=right&max=5&numbers=off'), { ...usual, size: 48, align: 'right', max: 5, numbers: false });
  assert.deepEqual(overlayOptions('?size=9999&align=<script>&max=0&numbers=1'), usual);
  assert.deepEqual(overlayOptions('?color=ff0000&accent=gold&font=Noto%20Sans&weight=400&shadow=off&label=off&channel=second'), {
    ...usual, colour: '#ff0000', accent: 'gold', font: 'Noto Sans', weight: 400, shadow: false, label: false, channel: 'second',
  });
  // Nothing gets into the style or an address but a colour, a family's name, a channel's.
  assert.deepEqual(overlayOptions('?colour=red;background:url(x)&font="x";}&accent=url(//evil)&channel=../x'), usual);
});

test('lines beyond the most are counted in the last', () => {
  assert.deepEqual(overlayLines(view(['A', 'B', 'C']), 3).more, 0);
  const cut = overlayLines(view(['A', 'B', 'C', 'D']), 3);
  assert.deepEqual(cut.lines, [{ name: 'A', isOnAir: true }, { name: 'B', isOnAir: false }]);
  assert.equal(cut.more, 2);
  assert.equal(overlayLines(view(['A', 'B']), 1).lines.length, 1);
});

test('the timer hides when nobody’s picture is on', () => {
  const now = Date.parse('2027-01-15T08:00:30.000Z');
  assert.equal(timerSeconds(view(['A']), now), 60);
  assert.equal(timerSeconds(view(['A'], { showing: 'slate' }), now), null);
  assert.equal(timerSeconds(view([]), now), null);
});

test('who is on and who is next', () => {
  assert.equal(nowName(view(['Ada', 'Bob'])), 'Ada');
  assert.equal(nowName(view(['Ada'], { showing: 'slate' })), null);
  assert.equal(nextName(view(['Ada', 'Bob'])), 'Bob');
  assert.equal(nextName(view(['Ada'])), null);
  const line = view(['Ada', 'Bob', 'Cy']);
  line.entries[2].ready = true;
  assert.equal(nextName(line), 'Cy');
});
