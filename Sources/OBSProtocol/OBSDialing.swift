package import Domain

/// Where an OBS is, and what it is asked with. The host is the operator's word; the password is sealed wherever it is stored.
package struct OBSAddress: Sendable, Equatable {
    package var host: String
    package var port: Int
    package var password: Secret?
    /// Requests a second at most, 1…200; as many may go at once.
    package var requestsPerSecond: Int

    package init(host: String, port: Int, password: Secret?, requestsPerSecond: Int) {
        self.host = host
        self.port = port
        self.password = password
        self.requestsPerSecond = requestsPerSecond
    }
}

/// Connects to an OBS; implemented by `OBSClient`.
package protocol OBSDialing: Sendable {
    /// Returns once OBS has taken the password, within 10 s. Cancelling ends the try.
    func connect(to address: OBSAddress) async throws(OBSConnectionError) -> any OBSConnection
}

/// One identified connection. Any task.
package protocol OBSConnection: AnyObject, Sendable {
    var server: OBSServer { get }
    /// Ends with the connection. The newest 256 wait for a slow reader. Read by one task.
    var events: AsyncStream<OBSEvent> { get }
    /// Waits for its place in the rate of requests and for the answer, 10 s beside its Sleeps. Cancelling it ends the connection.
    /// - Returns: a reply each request; fewer where the batch halted.
    func perform(_ batch: OBSBatch) async throws(OBSConnectionError) -> [OBSReply]
    /// Harmless when it has ended.
    func close()
}

/// Why there is no connection any more, or no answer. The texts hold no host and no secret.
package enum OBSConnectionError: Error, Sendable, Equatable, CustomStringConvertible {
    case unreachable
    case timedOut
    /// Something answers there, but no obs-websocket.
    case noWebSocket
    case wrongPassword
    /// By OBS, with its code; `nil`: without a word.
    case closed(Int?)
    case broken(OBSProtocolError)
    /// More bytes or messages than any OBS sends.
    case flood
    /// Too many batches wait.
    case busy

    package var description: String {
        switch self {
        case .unreachable: "nobody answers there"
        case .timedOut: "no answer in time"
        case .noWebSocket: "what answers there is no obs-websocket"
        case .wrongPassword: "OBS does not take the password"
        case .closed(let code):
            code.map { code in
                OBSCloseCode(rawValue: code).map { "OBS closed the connection: \($0)" }
                    ?? "OBS closed the connection with code \(code)"
            } ?? "OBS closed the connection"
        case .broken(let error): "OBS sent what is no obs-websocket message: \(error)"
        case .flood: "OBS sent more than any OBS does"
        case .busy: "too many requests wait"
        }
    }
}
