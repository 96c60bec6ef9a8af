#pragma once
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

// memfd_create is declared for GNU sources only, which Swift's Glibc module is not.
static inline int lineup_memfd_create(const char *name) {
    return (int)syscall(SYS_memfd_create, name, 1u /* MFD_CLOEXEC */);
}

// A macro with sizeof in it. 15 + 16: the largest window, with gzip's header.
static inline int lineup_deflate_init_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
