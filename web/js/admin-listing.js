// How the channel stands in lists for television apps, and whom its media is for. Owns its element.

import { api } from './api.js';
import { copyRow } from './copy-row.js';
import { element } from './dom.js';
import { form } from './form.js';
import { enteredListing, listingValues } from './listing-model.js';
import { panel } from './panel.js';

const FIELDS = [
  { name: 'title', label: 'Title', maxlength: 200, hint: 'The channel’s own name without one.' },
  { name: 'group', label: 'Group', maxlength: 100, hint: 'Apps sort channels by it, like Music.' },
  { name: 'number', label: 'Number', inputmode: 'numeric', hint: 'From 1 to 9999: where it stands on a remote control.' },
  { name: 'description', label: 'Description', type: 'lines', maxlength: 2000 },
  { name: 'logo', label: 'Address of a logo', type: 'url', hint: 'Begins with https:// or http://.' },
  { name: 'guideID', label: 'Id in the guide', maxlength: 200, hint: 'Only for a guide of others that names the channel in its own way.' },
  { name: 'programmeFeed', label: 'Address of a schedule of others', type: 'url' },
  { name: 'allowedRegions', label: 'Only for these countries', hint: 'Codes of two letters, like DE, AT. Empty: for all. It holds for the media too, at once.' },
  { name: 'blockedRegions', label: 'Not for these countries', hint: 'Codes of two letters.' },
  { name: 'listedFrom', label: 'In lists from', type: 'datetime-local', hint: 'In your own time zone. Empty: ever since.' },
  { name: 'listedUntil', label: 'In lists until', type: 'datetime-local', hint: 'Empty: for ever. Who has an address can watch on.' },
];

export class ListingPanel {
  #panel;

  constructor(root, channel) {
    this.#panel = panel(root, 'In television apps', () => api.listing(channel), (listing) => {
      const values = listingValues(listing);
      return [
        element('p', {}, 'Television apps take the list; it names the guide. Where only invited viewers may watch, each needs a list of their own (above).'),
        copyRow('List', `${location.origin}/playlist.m3u`), copyRow('Guide', `${location.origin}/epg.xml`),
        form({
          fields: FIELDS.map((field) => ({ ...field, value: values[field.name], required: false, autocomplete: 'off' })),
          action: 'Save',
          submit: async (entered) => {
            const saved = await api.setListing(channel, enteredListing(entered, listing));
            await this.#panel.act(async () => saved, 'Saved.');
          },
        }),
      ];
    });
  }

  open() { this.#panel.reload(); }
}
