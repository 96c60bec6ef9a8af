/// Makes RTMP's 32-bit milliseconds rise past 2^32 (RTMP 1.0 §3: they wrap every 49.7 days).
///
/// One serves all tracks of a connection, so that picture and sound wrap together. A step of less than 2^31 ms either way is
/// taken as it is; encoders that jump are the input's business, not this one's.
struct TimestampUnwrapper: Sendable {
    private var last: (raw: UInt32, value: Int64)?

    /// 34 years either way: what is beyond is nonsense, and sums of it would overflow.
    private static let maximumMagnitude: Int64 = 1 << 40

    /// - Throws: `RTMPError(.timestampRange)` beyond 34 years from zero, which only a peer that jumps on purpose reaches.
    mutating func unwrap(_ raw: UInt32) throws(RTMPError) -> Int64 {
        guard let last else {
            self.last = (raw, Int64(raw))
            return Int64(raw)
        }
        let value = last.value + Int64(Int32(bitPattern: raw &- last.raw))
        guard abs(value) <= Self.maximumMagnitude else {
            throw RTMPError(.timestampRange, "The timestamps ran out of all range.")
        }
        self.last = (raw, value)
        return value
    }
}
