// What `lineup worker decode` is, alone: for the tests of who talks to it.
import FFmpegMedia

try DecodeWorker.runAsChild()
