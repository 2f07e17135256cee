package dev.diopter.web;

import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.internal.HttpConnection;
import org.jspecify.annotations.Nullable;

/**
 * Jetty's connections, which also keep the first line of a request whose target cannot be read,
 * such as one that climbs out with {@code ..}: Jetty answers it as {@code BAD /badMessage}, and the
 * log is to say what was asked. There is no public way to it, so a connection of Jetty's own is
 * extended.
 */
final class RememberingConnections extends HttpConnectionFactory {

  RememberingConnections(HttpConfiguration configuration) {
    super(configuration);
  }

  /** What a request asked for, as it came. */
  record Asked(String method, String target) {}

  /** What was asked where Jetty's own request does not have it. */
  static Asked of(Request request) {
    return request.getConnectionMetaData().getConnection() instanceof Remembering connection
            && connection.unreadable != null
        ? connection.unreadable
        : new Asked(request.getMethod(), request.getHttpURI().getPathQuery());
  }

  @Override
  public Connection newConnection(Connector connector, EndPoint endPoint) {
    Remembering connection = new Remembering(getHttpConfiguration(), connector, endPoint);
    connection.setTransferEncodingChunkMaxLength(getTransferEncodingChunkMaxLength());
    return configure(connection, connector, endPoint);
  }

  private static final class Remembering extends HttpConnection {
    /** Set once: such a request is the last of its connection. Handled by one thread at a time. */
    private volatile @Nullable Asked unreadable;

    Remembering(HttpConfiguration configuration, Connector connector, EndPoint endPoint) {
      super(configuration, connector, endPoint);
    }

    @Override
    protected HttpStreamOverHTTP1 newHttpStream(String method, String uri, HttpVersion version) {
      try {
        return super.newHttpStream(method, uri, version);
      } catch (RuntimeException e) {
        unreadable = new Asked(method, uri);
        throw e;
      }
    }
  }
}
