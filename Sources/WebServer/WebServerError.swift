/// Why the web server cannot start or go on. The message is for the operator and says what to do; it holds no secret.
package struct WebServerError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// A value of the configuration makes no sense.
        case invalidConfiguration
        /// The folder with the pages is missing, unreadable or not ours.
        case pagesMissing
        /// Another program listens on the port.
        case portBusy
        /// The address cannot be listened on for another reason.
        case cannotListen
        /// The server ended before it listened.
        case stopped
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
