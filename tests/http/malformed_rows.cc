#include "tests/http/malformed_rows.h"

namespace cube::http::testing {

namespace {

const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\n";
const std::string post = "POST / HTTP/1.1\r\nHost: localhost\r\n";
const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";

}  // namespace

std::vector<Row> request_lines() {
  return {
      {"no version", "GET /\r\nHost: localhost\r\n\r\n", 400},
      {"empty line first", "\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a space in the target", "GET /a b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a space after the version", "GET / HTTP/1.1 \r\nHost: localhost\r\n\r\n", 400},
      {"lower-case method", "get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a lower-case letter in the method", "M-SEARCh / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"no method", " / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"wrong character in the method", "G(T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"lower-case version", "GET / http/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"two digits in the version", "GET / HTTP/1.10\r\nHost: localhost\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", 505},
      {"HTTP/0.9 with a number", "GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 505},
      {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"asterisk target", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"authority target", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400},
      {"CONNECT of a path", "CONNECT /odd/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"CONNECT of a URL", "CONNECT http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"relative target", "GET tasks HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"absolute target, other host", "GET http://b/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"absolute target, https", "GET https://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a fragment", "GET /#x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a backslash", "GET /a\\..\\b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a byte over 127", "GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"a percent alone", "GET /% HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"half a percent", "GET /%4 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"no hexadecimal", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"an encoded NUL", "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"TLS", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400},
  };
}

std::vector<Row> header_lines() {
  return {
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", 400},
      {"bare LF after a header", "GET / HTTP/1.1\r\nHost: localhost\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: localhost\r\n\n", 400},
      {"bare LF everywhere", "GET / HTTP/1.1\nHost: localhost\n\n", 400},
      {"bare CR in a value", get + "X: a\rb\r\n\r\n", 400},
      {"bare CR before a header", get + "\rX: a\r\n\r\n", 400},
      {"CR CR LF", get + "X: a\r\r\n\r\n", 400},
      {"NUL in a value", get + std::string("X: a\0b\r\n\r\n", 10), 400},
      {"NUL in a name", get + std::string("X\0: b\r\n\r\n", 9), 400},
      {"escape in a value", get + "X: a\x1b[1m\r\n\r\n", 400},
      {"DEL in a value", get + "X: a\x7f\r\n\r\n", 400},
      {"vertical tab before a value", get + "X:\x0b chunked\r\n\r\n", 400},
      {"folded line", get + "X: a\r\n b\r\n\r\n", 400},
      {"folded line with a tab", get + "X: a\r\n\tb\r\n\r\n", 400},
      {"space before the first header", "GET / HTTP/1.1\r\n Host: localhost\r\n\r\n", 400},
      {"space before the colon", get + "X : a\r\n\r\n", 400},
      {"space in a name", get + "X Y: a\r\n\r\n", 400},
      {"no colon", get + "X\r\n\r\n", 400},
      {"no name", get + ": a\r\n\r\n", 400},
      {"wrong character in a name", get + "X[]: a\r\n\r\n", 400},
      {"a byte over 127 in a name", get + "\xc3\xa4: a\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"two Hosts", get + "Host: b\r\n\r\n", 400},
      {"the same Host twice", get + "host: a\r\n\r\n", 400},
      {"a path in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"two words in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"unknown expectation", get + "Expect: a-cookie\r\n\r\n", 417},
      {"a Connection that is no list", get + "Connection: a b;c\r\n\r\n", 400},
  };
}

std::vector<Row> hosts() {
  const std::string wrong[] = {"a:abc",
                               "a:99999",
                               "a:0",
                               "a:-1",
                               "a:1:2",
                               "a: 80",
                               ":80",
                               ".a.example.com",
                               "a..b",
                               ".",
                               "a;b",
                               "a,b",
                               "a=b",
                               "a%41",
                               "a~b",
                               "a!b",
                               "[::1",
                               "::1",
                               "[]",
                               "[::g]",
                               "[1.2.3.4]",
                               "[::1]80",
                               "[::1]:x",
                               "x[::1]",
                               "a[::1]b",
                               "a]",
                               "[fe80::1%25eth0]",
                               "*.example.com",
                               "a(b)",
                               "a'b",
                               "a&b",
                               "a$b"};
  std::vector<Row> rows;
  for (const std::string& host : wrong) {
    rows.push_back({"a Host that is none", "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 400});
  }
  return rows;
}

std::vector<Row> framing() {
  return {
      {"length and chunked", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"chunked and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400},
      {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"the same length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"a list of lengths", post + "Content-Length: 3, 3\r\n\r\nabc", 400},
      {"a negative length", post + "Content-Length: -1\r\n\r\n", 400},
      {"a signed length", post + "Content-Length: +3\r\n\r\nabc", 400},
      {"a hexadecimal length", post + "Content-Length: 0x3\r\n\r\nabc", 400},
      {"an empty length", post + "Content-Length:\r\n\r\n", 400},
      {"a length of 2^64 + 3", post + "Content-Length: 18446744073709551619\r\n\r\nabc", 400},
      {"a space in the length", post + "Content-Length: 1 0\r\n\r\n", 400},
      {"gzip", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"chunked, identity", post + "Transfer-Encoding: chunked, identity\r\n\r\n", 501},
      {"identity", post + "Transfer-Encoding: identity\r\n\r\n", 501},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"chunked twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"an empty coding", post + "Transfer-Encoding:\r\n\r\n", 501},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"no size", chunked + "\r\nabc\r\n0\r\n\r\n", 400},
      {"a size that is none", chunked + "xyz\r\nabc\r\n", 400},
      {"a prefixed size", chunked + "0x3\r\nabc\r\n0\r\n\r\n", 400},
      {"a negative size", chunked + "-3\r\nabc\r\n0\r\n\r\n", 400},
      {"a signed size", chunked + "+3\r\nabc\r\n0\r\n\r\n", 400},
      {"a space before the size", chunked + " 3\r\nabc\r\n0\r\n\r\n", 400},
      {"a space after the size", chunked + "3 \r\nabc\r\n0\r\n\r\n", 400},
      {"a size of 2^64 + 3", chunked + "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
      {"bare LF after the size", chunked + "3\nabc\r\n0\r\n\r\n", 400},
      {"bare LF in an extension", chunked + "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n", 400},
      {"a chunk longer than it says", chunked + "3\r\nabcd\r\n0\r\n\r\n", 400},
      {"bare LF after the chunk", chunked + "3\r\nabc\n0\r\n\r\n", 400},
      {"a length in the trailer", chunked + "0\r\nContent-Length: 3\r\n\r\n", 400},
      {"a trailer without colon", chunked + "0\r\nX\r\n\r\n", 400},
      {"bare LF in a trailer", chunked + "0\r\nX: a\nY: b\r\n\r\n", 400},
  };
}

std::vector<Row> request_targets() {
  return {
      {"an encoded slash", "GET /tasks%2fa HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"invalid UTF-8 in the path", "GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"an encoded NUL in the query", "GET /?a=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"invalid UTF-8 in the query", "GET /?%c3=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
  };
}

}  // namespace cube::http::testing
