import assert from 'node:assert/strict';
import test from 'node:test';

import { enteredListing, listingValues } from '../js/listing-model.js';

const FULL = {
  title: 'A "B", C', group: 'Music', number: 7, description: 'Two\nlines', logo: 'https://tv.example.org/l.png', guideID: 'main.tv',
  programmeFeed: 'https://tv.example.org/g.xml', allowedRegions: ['DE', 'AT'], blockedRegions: ['US'], listedFrom: '2026-11-21T20:15:07Z',
  listedUntil: '2026-12-24T00:00:30Z',
};

test('what the server keeps comes back as it was, seconds too', () => {
  assert.deepEqual(enteredListing(listingValues(FULL), FULL), FULL);
  assert.deepEqual(enteredListing(listingValues({}), {}), {});
});

test('an emptied field is left out, and blanks are no text', () => {
  const entered = { ...listingValues(FULL), title: '  ', number: '', allowedRegions: ' , ', listedUntil: '' };
  const { title, number, listedUntil, ...rest } = FULL;
  assert.deepEqual(enteredListing(entered, FULL), { ...rest, allowedRegions: [] });
});

test('countries are read in any writing', () => {
  assert.deepEqual(enteredListing({ allowedRegions: 'de,at;  Ch' }), { allowedRegions: ['DE', 'AT', 'CH'] });
});

test('a time is of the zone it was entered in', () => {
  const { listedFrom } = enteredListing({ listedFrom: '2026-07-01T12:30' });
  assert.match(listedFrom, /^2026-0[67]-\d\dT\d\d:\d\d:00Z$/);
  assert.equal(new Date(listedFrom).getTime(), new Date(2026, 6, 1, 12, 30).getTime());
});

test('nonsense is refused at its field', () => {
  for (const number of ['7a', '1.5', '-1', '12345']) assert.throws(() => enteredListing({ number }), { field: 'number' });
  assert.throws(() => enteredListing({ listedFrom: 'soon' }), { field: 'listedFrom' });
});
