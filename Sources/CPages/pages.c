// A start runs through more code than anything after it: relocating, reading tables, making what is made once. Its pages stay in the
// resident set for good where nothing presses on memory, some 30 MB that are never looked at again.
#define _GNU_SOURCE
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CPages.h"

/// The loader has written into the library's code (DT_TEXTREL): then its pages are not the file's.
static int is_patched(const struct dl_phdr_info *library) {
    for (int index = 0; index < library->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[index];
        if (segment->p_type != PT_DYNAMIC) continue;
        const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(library->dlpi_addr + segment->p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL) return 1;
            if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)) return 1;
        }
    }
    return 0;
}

/// Only segments that can never be written: their pages are the file's own, so that dropping them loses nothing.
static int release(struct dl_phdr_info *library, size_t size, void *context) {
    (void)size;
    (void)context;
    // The kernel's own page, which is of no file.
    if (strstr(library->dlpi_name, "vdso") || is_patched(library)) return 0;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < library->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
        // Whole pages: the one at the end may be shared with the next segment, and is left.
        uintptr_t begin = (library->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t end = (library->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);
        // Refused, for memory that is locked: then it stays, as it was asked to.
        if (begin < end) (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void lineup_release_clean_pages(void) {
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(release, NULL);
}
