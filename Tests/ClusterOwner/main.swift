// Owns a private cluster in the folder it is given, says so, and does nothing more until it is killed: for the tests of
// what a killed owner leaves behind.
import Foundation
import Logging
import PostgresStore

let cluster = PrivateCluster(
    dataFolder: CommandLine.arguments[1], isDurable: false,
    logger: Logger(label: "owner") { _ in SwiftLogNoOpLogHandler() })
_ = try await cluster.start()
FileHandle.standardOutput.write(Data("started\n".utf8))
while true { try await Task.sleep(for: .seconds(3600)) }
