# needs a server
rescue class new monday --people 10 --web http://127.0.0.1:8080
rescue class handout monday --format html --output handout.html
rescue class show monday
rescue class reset monday
rescue class report monday --format html --output report.html
rescue class end monday
