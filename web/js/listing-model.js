// How the channel stands in lists for television apps, as a form's values and as what the server keeps. Pure.

/** What the form shows for a listing, which has a field or not: a text for each field, empty for none. Times are the reader's own. */
export function listingValues(listing) {
  return {
    title: listing.title ?? '',
    group: listing.group ?? '',
    number: listing.number === undefined ? '' : String(listing.number),
    description: listing.description ?? '',
    logo: listing.logo ?? '',
    guideID: listing.guideID ?? '',
    programmeFeed: listing.programmeFeed ?? '',
    allowedRegions: (listing.allowedRegions ?? []).join(', '),
    blockedRegions: (listing.blockedRegions ?? []).join(', '),
    listedFrom: localText(listing.listedFrom),
    listedUntil: localText(listing.listedUntil),
  };
}

/** The whole listing for what was entered into a form that was drawn for `drawn`. Throws an error with `field` when it makes no sense. */
export function enteredListing(entered, drawn = {}) {
  const listing = {};
  for (const [name, value] of Object.entries(entered)) {
    const text = value.trim();
    if (text === '') continue;
    if (name === 'number') listing.number = wholeNumber(text);
    else if (name.endsWith('Regions')) listing[name] = text.toUpperCase().split(/[\s,;]+/).filter(Boolean);
    // A form shows minutes: what was not touched keeps its seconds.
    else if (name.startsWith('listed')) listing[name] = text === localText(drawn[name]) ? drawn[name] : moment(name, text);
    else listing[name] = text;
  }
  return listing;
}

function wholeNumber(text) {
  if (!/^\d{1,4}$/.test(text)) throw wrong('number', 'A whole number from 1 to 9999, or nothing.');
  return Number(text);
}

function moment(name, text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw wrong(name, 'A day and a time, or nothing.');
  return time.toISOString().replace('.000Z', 'Z');
}

function wrong(field, words) {
  return Object.assign(new Error(words), { field });
}

/** A moment as a field for a day and a time wants it: `2026-11-21T20:15`, in the reader's own zone. */
function localText(time) {
  if (!time) return '';
  const at = new Date(time);
  const two = (number) => String(number).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
