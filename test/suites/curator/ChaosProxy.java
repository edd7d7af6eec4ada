package org.apache.curator.test;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Does between clients and a server process what Curator's ChaosMonkeyCnxnFactory does inside a server of its own virtual
 * machine: the first node below /mylock/ is created, its client is cut off without an answer, and for some seconds every
 * request but the opening of a session, sync and ping costs its connection.
 */
final class ChaosProxy implements Closeable {
    private static final String CHAOS_PREFIX = "/mylock/";
    private static final long LOCKOUT_MS = 6000;
    private static final int FRAME_BYTES_MAX = 1 << 22;
    private static final int CREATE = 1;
    private static final int CREATE2 = 15;
    private static final int SYNC = 9;
    private static final int PING = 11;

    private final ServerSocket listener;
    private final int serverPort;
    private long firstErrorAt;

    ChaosProxy(int port, int serverPort) throws IOException {
        this.serverPort = serverPort;
        listener = new ServerSocket(port);
        start(this::accept);
    }

    @Override
    public void close() throws IOException {
        listener.close();
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work, "chaos-proxy");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        while (!listener.isClosed()) {
            try {
                Socket client = listener.accept();
                start(() -> relay(client));
            } catch (IOException e) {
                // closed, or a client that is gone already
            }
        }
    }

    private void relay(Socket client) {
        try (client; Socket server = new Socket("127.0.0.1", serverPort)) {
            client.setTcpNoDelay(true);
            server.setTcpNoDelay(true);
            start(() -> relayReplies(server, client));
            DataInputStream requests = new DataInputStream(client.getInputStream());
            DataOutputStream out = new DataOutputStream(server.getOutputStream());
            for (boolean isGreeting = true; ; isGreeting = false) {
                int length = requests.readInt();
                if (isGreeting && (length < 0 || length > FRAME_BYTES_MAX)) { // a four-letter word
                    out.writeInt(length);
                    out.flush();
                    Thread.sleep(1000);
                    return;
                }
                byte[] frame = requests.readNBytes(length);
                if (!isGreeting && isLockedOut(typeOf(frame))) return;
                boolean isFatal = !isGreeting && beginsChaos(frame);
                if (isFatal) client.close(); // before the server can answer
                out.writeInt(length);
                out.write(frame);
                out.flush();
                if (isFatal) {
                    Thread.sleep(500); // the server reads it from a connection that still stands
                    return;
                }
            }
        } catch (IOException | InterruptedException e) {
            // either side has hung up
        }
    }

    private static void relayReplies(Socket server, Socket client) {
        try (client) {
            InputStream replies = server.getInputStream();
            byte[] buffer = new byte[1 << 16];
            for (int read = replies.read(buffer); read > 0; read = replies.read(buffer)) {
                client.getOutputStream().write(buffer, 0, read);
            }
        } catch (IOException e) {
            // either side has hung up
        }
    }

    private static int typeOf(byte[] frame) {
        return ByteBuffer.wrap(frame).getInt(4);
    }

    private synchronized boolean isLockedOut(int type) {
        if (type == SYNC || type == PING || firstErrorAt == 0) return false;
        return System.currentTimeMillis() - firstErrorAt < LOCKOUT_MS;
    }

    private synchronized boolean beginsChaos(byte[] frame) {
        int type = typeOf(frame);
        if (firstErrorAt != 0 || (type != CREATE && type != CREATE2)) return false;
        int pathLength = ByteBuffer.wrap(frame).getInt(8);
        String path = new String(frame, 12, pathLength, StandardCharsets.UTF_8);
        if (!path.startsWith(CHAOS_PREFIX)) return false;
        firstErrorAt = System.currentTimeMillis();
        return true;
    }
}
