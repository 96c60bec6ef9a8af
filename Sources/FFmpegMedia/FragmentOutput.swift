import CFFmpeg
import NIOCore

/// Collects in memory what a libav muxer writes, between two calls of `take`.
///
/// Owned by one muxer, used on its event loop only. What it holds is bounded by what the muxer was given since the last `take`.
final class FragmentOutput {
    /// More is given back after a part that was so large.
    private static let keptBytes = 1 << 20

    private var bytes = ByteBuffer()
    /// `bytes` was handed out and is not to be added to.
    private var isTaken = false
    private(set) var context: UnsafeMutablePointer<AVIOContext>

    init() throws(MediaError) {
        let size: Int32 = 65_536
        let memory = try allocated(av_malloc(Int(size)), "av_malloc")
        let placeholder = avio_alloc_context(
            memory.assumingMemoryBound(to: UInt8.self), size, 1, nil, nil, writeToOutput, nil)
        guard let placeholder else {
            av_free(memory)
            throw MediaError(.libav(lineup_averror_enomem), "avio_alloc_context: out of memory")
        }
        self.context = placeholder
        // Unretained: the context dies in our deinit, so the callback never outlives us.
        placeholder.pointee.opaque = Unmanaged.passUnretained(self).toOpaque()
        placeholder.pointee.seekable = 0
    }

    deinit {
        av_freep(&context.pointee.buffer)
        var pointer: UnsafeMutablePointer<AVIOContext>? = context
        avio_context_free(&pointer)
    }

    /// What was written since the last call.
    ///
    /// Its memory is used again once nobody holds it: what goes into a memory file is let go of at once, and fresh pages for each
    /// part cost more than filling them.
    func take() throws(MediaError) -> ByteBuffer {
        avio_flush(context)
        try check(context.pointee.error, "avio_flush")
        if isTaken { bytes = ByteBuffer() }
        isTaken = true
        return bytes
    }

    /// Puts what was written elsewhere in front.
    func begin(with earlier: ByteBuffer) {
        var whole = earlier
        whole.writeImmutableBuffer(bytes)
        bytes = whole
    }

    /// Drops what was written since the last call.
    func discard() {
        avio_flush(context)
        isTaken = true
    }

    fileprivate func append(_ chunk: UnsafeRawBufferPointer) {
        if isTaken {
            isTaken = false
            if bytes.storageCapacity > Self.keptBytes { bytes = ByteBuffer() }
            // Takes other memory where somebody still holds this.
            bytes.clear(minimumCapacity: 0)
        }
        bytes.writeBytes(chunk)
    }
}

/// libavformat's write callback; runs inside the muxer's calls, on the same thread.
private func writeToOutput(
    _ opaque: UnsafeMutableRawPointer?, _ data: UnsafeMutablePointer<UInt8>?, _ size: Int32
) -> Int32 {
    guard let opaque, let data, size > 0 else { return lineup_averror_bug }
    let output = Unmanaged<FragmentOutput>.fromOpaque(opaque).takeUnretainedValue()
    output.append(UnsafeRawBufferPointer(start: data, count: Int(size)))
    return size
}
