// Every way into the package loads.
export const entries = ["", "/testing", "/server", "/consensus", "/checkers", "/sim", "/zookeeper-client"];
