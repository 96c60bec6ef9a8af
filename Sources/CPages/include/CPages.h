#pragma once

/// Gives back the pages of code and constants that this process has read so far, and what the allocator holds free; what is used
/// comes back by itself, from the page cache. Any thread, while others run.
void lineup_release_clean_pages(void);
