import CFFmpeg

/// What went wrong in libav or in a media worker.
package struct MediaError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// A libav call gave this return code.
        case libav(Int32)
        /// libav lacks a part this needs: an encoder, a filter, a muxer.
        case missingComponent
        /// The caller's format or request cannot be used.
        case invalidRequest
        /// The worker could not be started, ended badly or was stopped at its time limit.
        case workerFailed
        /// The worker's output broke the rules of `SlateWire`.
        case invalidWorkerOutput
    }

    package var code: Code
    /// What was tried and what the library says of it; holds no secret, since media has none.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}

/// Turns a libav return code into an error that names the call and holds the library's own text.
/// - Returns: the code itself, when it is no error.
@discardableResult
func check(_ code: Int32, _ call: StaticString) throws(MediaError) -> Int32 {
    guard code < 0 else { return code }
    var text = [CChar](repeating: 0, count: Int(AV_ERROR_MAX_STRING_SIZE))
    _ = av_strerror(code, &text, text.count)
    let words = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    throw MediaError(.libav(code), "\(call): \(words)")
}

/// Unwraps what a libav allocation gave.
func allocated<Value>(_ value: Value?, _ call: StaticString) throws(MediaError) -> Value {
    guard let value else { throw MediaError(.libav(lineup_averror_enomem), "\(call): out of memory") }
    return value
}
