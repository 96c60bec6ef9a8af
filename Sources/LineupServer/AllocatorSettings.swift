import CMalloc
import RTMP

/// How glibc's allocator is to behave in this process.
package enum AllocatorSettings {
    /// Arenas: a heap of its own for each thread that collides with another, of which nothing comes back. Our threads are as many as
    /// cores and a few that mostly wait; two heaps serve them.
    private static let arenas: Int32 = 2
    /// Free bytes a heap keeps at its end. With the allocator's own 128 KB a muxer's part of 150 KB gives its pages back and takes
    /// them anew, twice a second.
    private static let keptBytes: Int32 = 1 << 20

    /// To be called once, before there are threads that allocate.
    ///
    /// What is as large as a large picture is mapped from the system, for good: by itself glibc raises that limit to the largest
    /// block that was ever freed, and from then on a message that grows is copied and what it held stays in the heap.
    /// `ChunkDecoder` counts on it: growing moves pages, not bytes.
    /// - Returns: whether the allocator took all.
    @discardableResult
    package static func apply() -> Bool {
        let isMapping = mallopt(M_MMAP_THRESHOLD, Int32(ChunkDecoder.pagedRoomBytes)) == 1
        let isKeeping = mallopt(M_TRIM_THRESHOLD, keptBytes) == 1
        return mallopt(M_ARENA_MAX, arenas) == 1 && isMapping && isKeeping
    }
}
