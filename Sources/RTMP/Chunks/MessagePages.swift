import NIOCore

/// Memory for many small messages of one kind: pages, in each of which one message's payload lies behind the other's.
///
/// A `ByteBuffer` of its own has a power of two of bytes, a third more than the payload on average, and two blocks of the heap.
/// As a group of pictures is kept for every publisher, that third is most of what a waiting DJ costs beyond it. A page is gone
/// once the last message in it is; those of one kind go in their order, so at most one page is held for a part of it. Sound and
/// picture go at different times and must not share pages.
///
/// Owned by one connection, on its event loop; a copy would hand out the same bytes again. Other threads read the messages that are whole meanwhile: other bytes of the page.
struct MessagePages: Sendable {
    private let pageBytes: Int
    private var page = ByteBuffer()
    private var used = 0

    init(pageBytes: Int) { self.pageBytes = pageBytes }

    /// Room for a payload of `length` bytes, with nothing of it written yet. What does not fit in the page begins a new one, as
    /// large as it needs: mostly a key picture, with which the page before may go.
    mutating func room(_ length: Int) -> ReservedRoom? {
        if length > page.readableBytes - used {
            page = ByteBufferAllocator().buffer(capacity: max(length, pageBytes))
            // All of it may be sliced; nobody sees a slice before it is written to its end.
            page.moveWriterIndex(to: page.capacity)
            used = 0
        }
        guard let bytes = page.getSlice(at: used, length: length) else { return nil }
        used += length
        return ReservedRoom(bytes)
    }
}

/// A piece of a page that one message is written to from front to back.
struct ReservedRoom: Sendable {
    private let bytes: ByteBuffer
    private(set) var count = 0

    fileprivate init(_ bytes: ByteBuffer) { self.bytes = bytes }

    /// The payload, once every byte of it is there.
    var whole: ByteBuffer? { count == bytes.readableBytes ? bytes : nil }

    /// Copies what `source` holds behind what is there. At most what is missing is taken.
    mutating func write(_ source: UnsafeRawBufferPointer) {
        let taken = min(source.count, bytes.readableBytes - count)
        bytes.withVeryUnsafeBytes { own in
            // Written in place: a buffer that shares its storage, as every piece of a page does, would be copied as a whole by
            // the writing calls. No other slice covers these bytes, and this one is handed out when they are all written.
            guard let first = own.baseAddress, let from = source.baseAddress else { return }
            UnsafeMutableRawPointer(mutating: first + count).copyMemory(from: from, byteCount: taken)
        }
        count += taken
    }
}
