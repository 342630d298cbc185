from gevent import monkey

monkey.patch_all(ssl=False)
