package dev.diopter.web;

import java.net.InetAddress;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask. A page of another site must not reach this server through its reader's browser:
 * neither under a name of its own that it points at this machine (the Host is checked), nor by a
 * request across sites (Origin and Sec-Fetch-Site are checked).
 */
final class Guard {
  private static final Pattern ADDRESS = Pattern.compile("[0-9]+(\\.[0-9]+){3}|\\[[0-9a-f:.]+]");
  private static final Set<String> LOCAL = Set.of("127.0.0.1", "localhost", "[::1]");

  private final String host;
  private final boolean everyAddress;
  private final int port;

  Guard(String host, int port) {
    String lower = host.toLowerCase(Locale.ROOT);
    this.host = lower.contains(":") && !lower.startsWith("[") ? "[" + lower + "]" : lower;
    this.everyAddress = isWildcard(host);
    this.port = port;
  }

  private static boolean isWildcard(String host) {
    try {
      return InetAddress.getByName(host).isAnyLocalAddress();
    } catch (java.net.UnknownHostException e) {
      return false;
    }
  }

  /**
   * Lets a request pass or not.
   *
   * @throws Refusal with the reason
   */
  void check(Request request) {
    HttpFields headers = request.getHeaders();
    String asked = headers.get(HttpHeader.HOST);
    if (!isOurs(asked)) {
      throw new Refusal(
          403,
          "expected Host %s:%d, got %s: open the address that the server printed"
              .formatted(host, port, quoted(asked)));
    }
    for (HttpField field : headers) {
      if (field.is("Origin") && !isOurOrigin(field.getValue())) {
        throw new Refusal(
            403, "expected requests of this page, got the Origin " + quoted(field.getValue()));
      }
    }
    checkSite(headers);
  }

  /** A link may lead here from anywhere; nothing else may. */
  private static void checkSite(HttpFields headers) {
    String site = headers.get("Sec-Fetch-Site");
    boolean foreign = "cross-site".equals(site) || "same-site".equals(site);
    boolean link =
        "navigate".equals(headers.get("Sec-Fetch-Mode"))
            && "document".equals(headers.get("Sec-Fetch-Dest"));
    if (foreign && !link) {
      throw new Refusal(403, "expected requests of this page, got one of another site");
    }
  }

  private boolean isOurOrigin(@Nullable String origin) {
    return origin != null && origin.startsWith("http://") && isOurs(origin.substring(7));
  }

  private boolean isOurs(@Nullable String nameAndPort) {
    if (nameAndPort == null) {
      return false;
    }
    String given = nameAndPort.toLowerCase(Locale.ROOT);
    String suffix = ":" + port;
    String name;
    if (given.endsWith(suffix)) {
      name = given.substring(0, given.length() - suffix.length());
    } else if (port == 80) {
      name = given;
    } else {
      return false;
    }
    // Names can be pointed anywhere by their owners, addresses cannot.
    return LOCAL.contains(name)
        || name.equals(host)
        || (everyAddress && ADDRESS.matcher(name).matches());
  }

  private static String quoted(@Nullable String value) {
    return value == null ? "none" : "'" + value + "'";
  }
}
