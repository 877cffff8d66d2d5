alice:$2y$04$ZUljV3UuxoqNc6lqPEZPy.LhFL5N9nn.xPqCbxa6pZZ4Z/dksry9a:Alice:alice@example.com:admin,user
bob:$2y$04$ZUljV3UuxoqNc6lqPEZPy.LhFL5N9nn.xPqCbxa6pZZ4Z/dksry9a:Bob:bob@example.com:user
