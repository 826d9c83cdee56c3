"""A stand-in for Neutron: networks there are none.

    python -m tests.stack.network PORT

Nova asks for a network service even where guests have no ports.
"""

import http.server
import json
import sys


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self) -> None:
        path = self.path.split('?')[0].rstrip('/').removesuffix('.json')
        if path == '':
            url = f'http://{self.headers["Host"]}/v2.0/'
            self._answer(
                {
                    'versions': [
                        {
                            'id': 'v2.0',
                            'status': 'CURRENT',
                            'links': [{'rel': 'self', 'href': url}],
                        }
                    ]
                }
            )
        elif path == '/v2.0':
            self._answer({'resources': []})
        else:
            name = path.rpartition('/')[2].replace('-', '_')
            self._answer({name: []})

    def _answer(self, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


if __name__ == '__main__':
    http.server.ThreadingHTTPServer(
        ('127.0.0.1', int(sys.argv[1])), _Handler
    ).serve_forever()
